// Others' code that turns TeX into MathML.
export { default as temml } from 'temml';
