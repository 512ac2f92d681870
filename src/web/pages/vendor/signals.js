// State with automatic subscriptions. The version stands here and in VENDOR.toml only.
export { signal, computed, effect, batch, untracked } from './signals-core-1.14.5/signals-core.module.js';
