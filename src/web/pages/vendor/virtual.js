// The virtualiser. The version stands here and in VENDOR.toml only.
import './environment.js';
export { Virtualizer, observeElementOffset, observeElementRect, elementScroll } from './virtual-core-3.19.11/index.js';
