// The renderer, by the names that the views use. The version stands here and in VENDOR.toml only.
export { html, svg, nothing, noChange, render } from './lit-html-3.3.3/lit-html.js';
export { directive, Directive, PartType } from './lit-html-3.3.3/directive.js';
export { repeat } from './lit-html-3.3.3/directives/repeat.js';
export { live } from './lit-html-3.3.3/directives/live.js';
export { ref } from './lit-html-3.3.3/directives/ref.js';
export { keyed } from './lit-html-3.3.3/directives/keyed.js';
export { guard } from './lit-html-3.3.3/directives/guard.js';
