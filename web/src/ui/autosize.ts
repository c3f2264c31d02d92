// Text fields as high as their text, also where CSS cannot do it yet.
const byCss = CSS.supports('field-sizing', 'content');

export function autosize(field: HTMLTextAreaElement) {
  if (byCss) return;
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
}
