// What is open on the page, and the parts of it that others reach for.
class Page {
  dialog = $state<'settings' | 'shortcuts' | null>(null);
  editing = $state<string | null>(null); // the message that is being edited
  searching = $state(0); // raised to bring the search field up
  composer: HTMLTextAreaElement | null = null;

  focusComposer() {
    this.composer?.focus();
  }
}

export const page = new Page();

export const isNarrow = () => matchMedia('(max-width: 56rem)').matches;

// On a phone Enter is the only way to a new line.
export const entersLines = () => isNarrow() && matchMedia('(hover: none)').matches;
