export {
  KvConnector,
  type KvBlockMove,
  type KvConnectorMetadata,
  type KvRequest,
  type ScheduledKvRequest,
} from './connector.js';
export { getKvTransferGroup, hasKvTransferGroup, setKvTransferGroup } from './group.js';
export { MemoryKvStore, type KvStore } from './store.js';
export { KvStoreConnector, type KvStoreConnectorOptions } from './store_connector.js';
