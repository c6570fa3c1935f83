export { BaseKVCacheMethod, type KvScaledLayer } from './kv_cache_method.js';
