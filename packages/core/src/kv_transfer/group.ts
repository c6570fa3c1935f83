import type { ForwardContext } from '../forward_context.js';
import { MissingMetadataError } from '../errors.js';
import type { KvConnector } from './connector.js';

let group: KvConnector | null = null;

/** Sets the connector of every step whose context names none (vLLM `ensure_kv_transfer_initialized`); null takes it back. */
export function setKvTransferGroup(connector: KvConnector | null): void {
  group = connector;
}

/** vLLM `has_kv_transfer_group`. */
export function hasKvTransferGroup(): boolean {
  return group !== null;
}

/** vLLM `get_kv_transfer_group`. @throws MissingMetadataError where none is set. */
export function getKvTransferGroup(): KvConnector {
  if (group === null) {
    throw new MissingMetadataError(
      'getKvTransferGroup: no connector is set; call setKvTransferGroup(connector)',
    );
  }
  return group;
}

/** The connector that takes part in a step, if it has work there. */
export function activeConnector(context: ForwardContext | undefined): KvConnector | null {
  const connector = context?.kvConnector === undefined ? group : context.kvConnector;
  return connector?.hasConnectorMetadata() ? connector : null;
}
