// Others' code that reads Markdown, and that lets no more than what is harmless through.
export { default as DOMPurify } from 'dompurify';
export { Lexer, Marked } from 'marked';
