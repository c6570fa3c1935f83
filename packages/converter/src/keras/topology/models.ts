import { check, OP, type Findings } from '../findings.js';
import { isDict, isKerasObject, type Json, type JsonDict, type KerasObject } from '../json.js';
import { attentionCalls, isAttention, plainCalls } from './attention_calls.js';
import { readCalls, readRef, type TensorRef } from './calls.js';
import { withoutImplicitMasks } from './implicit_masks.js';
import { checkGraph, type GraphLayer } from './graph.js';
import { convertLayer, isOperation, whereOf } from './layers.js';
import { StoredNames } from './stored_names.js';

const FUNCTIONAL = ['Functional', 'Model'];

/** A layer that may hold weights. */
export interface LayerPlace {
  name: string;
  className: string;
  config: JsonDict;
  /** Its group in Keras 3's `model.weights.h5`. */
  path: string;
}

/** A model that tfjs can read. */
export interface ConvertedModel {
  topology: KerasObject;
  layers: LayerPlace[];
  /** Names of the model and of models in it, which stand before names of weights. */
  modelNames: Set<string>;
}

/** Whether a layer is a model of layers. */
const isModel = ({ class_name }: KerasObject) =>
  class_name === 'Sequential' || FUNCTIONAL.includes(class_name);

/** Converts a whole model. What tfjs cannot hold goes to `findings`. */
export function convertModel(
  root: KerasObject,
  keras3: boolean,
  findings: Findings,
): ConvertedModel {
  check(
    isModel(root),
    () => `the model is of class ${root.class_name}; ${OP} takes Sequential and Functional models`,
  );
  const layers: LayerPlace[] = [];
  const modelNames = new Set<string>();
  return { topology: model(root, ''), layers, modelNames };

  function model(object: KerasObject, path: string): KerasObject {
    const given = object.config;
    const config: JsonDict = Array.isArray(given) ? { layers: given } : (given as JsonDict);
    check(
      isDict(config) && Array.isArray(config.layers),
      () => `the ${object.class_name} model has no list of layers`,
    );
    if (typeof config.name === 'string') modelNames.add(config.name);
    const { dtype: _, build_input_shape: built, layers: list, ...rest } = config;
    const objects = list.map((layer, i) => {
      check(isKerasObject(layer), () => `layer ${i} has no class_name and config`);
      return layer;
    });
    if (object.class_name === 'Sequential') {
      const converted = children(objects, path, true).map(({ layer }) => layer);
      giveInput(converted, built);
      return { class_name: 'Sequential', config: { ...rest, layers: converted } };
    }
    return functional(object, rest, objects, path);
  }

  /** Converts the layers of one model and notes where their weights lie. */
  function children(objects: KerasObject[], path: string, sequential: boolean) {
    const stored = new StoredNames();
    return objects.map((object) => {
      const name = nameOf(object);
      const hidden = isOperation(object) || (sequential && object.class_name === 'InputLayer');
      const group = hidden ? '' : `${path}layers/${stored.next(object.class_name)}`;
      if (isModel(object)) return { object, name, layer: model(object, `${group}/`) };
      const layer = convertLayer(object, findings);
      layers.push({
        name,
        className: object.class_name,
        config: layer.config as JsonDict,
        path: group,
      });
      return { object, name, layer };
    });
  }

  function functional(
    object: KerasObject,
    rest: JsonDict,
    objects: KerasObject[],
    path: string,
  ): KerasObject {
    const where = `model ${JSON.stringify(rest.name ?? '')}`;
    const ends = [readEnds(where, rest.input_layers), readEnds(where, rest.output_layers)];
    const called = withoutImplicitMasks(
      objects.map((layer) => ({
        name: nameOf(layer),
        where: whereOf(layer),
        object: layer,
        calls: readCalls(whereOf(layer), layer.inbound_nodes, findings),
      })),
      ends.flat().map(([name]) => name),
      findings,
    );
    const converted = children(
      called.map((layer) => layer.object),
      path,
      false,
    );
    // In tfjs a model's own inputs are its call 0, in Keras 3 no call at all.
    const shifted = new Set(
      converted.filter(({ object: layer }) => keras3 && isModel(layer)).map(({ name }) => name),
    );
    const shift = ([layer, node, tensor]: TensorRef): TensorRef => [
      layer,
      shifted.has(layer) ? node + 1 : node,
      tensor,
    ];
    const graph: GraphLayer[] = called.map(({ name, where: place, object: source, calls }, i) => {
      const firstNode = isModel(source) ? 1 : 0;
      const className = aliased(source.class_name);
      if (!isAttention(className)) {
        const refs = plainCalls(place, className, calls, findings);
        return { name, firstNode, calls: refs.map((list) => list.map(shift)) };
      }
      const positional = attentionCalls(place, className, calls, findings);
      Object.assign(converted[i].layer.config as JsonDict, positional.config);
      return { name, firstNode, calls: positional.inputs.map((list) => list.map(shift)) };
    });
    const [inputs, outputs] = ends.map((refs) => refs.map(shift));
    checkGraph(graph, [...inputs, ...outputs]);
    return {
      class_name: object.class_name,
      config: {
        ...rest,
        layers: converted.map(({ layer, name }, i) => ({
          ...layer,
          name,
          inbound_nodes: graph[i].calls.map((refs) => refs.map((ref) => [...ref, {}])),
        })),
        input_layers: inputs.map((ref) => [...ref]),
        output_layers: outputs.map((ref) => [...ref]),
      },
    };
  }
}

const aliased = (className: string) =>
  className === 'GroupedQueryAttention' ? 'GroupQueryAttention' : className;

function nameOf(object: KerasObject): string {
  const name = object.name ?? (isDict(object.config) ? object.config.name : null);
  check(
    typeof name === 'string' && name !== '',
    () => `a layer of class ${object.class_name} has no name`,
  );
  return name;
}

/** `input_layers` and `output_layers`: one reference, a list or a dictionary of them. */
function readEnds(where: string, ends: Json | undefined): TensorRef[] {
  if (isDict(ends)) return Object.values(ends).flatMap((entry) => readEnds(where, entry));
  check(Array.isArray(ends), () => `${where} has no input_layers or no output_layers`);
  if (typeof ends[0] === 'string') return [readRef(where, ends)];
  return ends.flatMap((entry) => readEnds(where, entry));
}

/** A sequential model that was built without an input layer says the shape elsewhere. */
function giveInput(layers: KerasObject[], built: Json | undefined): void {
  const first = layers[0]?.config;
  if (!isDict(first) || 'batch_input_shape' in first || isModel(layers[0])) return;
  if (Array.isArray(built)) first.batch_input_shape = built;
}
