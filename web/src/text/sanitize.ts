// The second wall: whatever HTML text became, only these elements and attributes reach the page.
import { library, once } from './lazy';

const tags =
  'a b blockquote br code del em h3 h4 h5 h6 hr i kbd li mark ol p pre s small span strong sub sup table tbody td th thead tr u ul ' +
  'math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup ' +
  'mtable mtd mtext mtr munder munderover none semantics';
const attributes =
  'href class start align data-language accent accentunder columnalign columnspan depth display displaystyle fence form height linebreak ' +
  'linethickness lspace mathvariant maxsize minsize movablelimits notation rowspan rspace scriptlevel separator stretchy symmetric voffset width';

const config = {
  ALLOWED_TAGS: tags.split(' '),
  ALLOWED_ATTR: attributes.split(' '),
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ADD_URI_SAFE_ATTR: attributes.split(' ').filter((name) => name !== 'href'),
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  RETURN_DOM_FRAGMENT: true,
};

const sanitizer = once(() => {
  const { DOMPurify } = library('markdown');
  DOMPurify.setConfig(config); // read once, not with each text
  return DOMPurify;
});

export function sanitize(html: string): DocumentFragment {
  const fragment = sanitizer().sanitize(html) as unknown as DocumentFragment;
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  return fragment;
}
