import type { io } from '@tensorflow/tfjs-core';
import type { Preference } from '../program/program.js';
import { check } from '../topology/errors.js';
import { parseRef, type FunctionDef, type GraphDef, type NodeDef } from '../topology/graph_def.js';
import { GraphView } from '../topology/graph_view.js';
import { readTopology } from '../topology/read_topology.js';
import { Weights } from '../topology/weights.js';
import { fuseGraph, type FusedGraph, type FuseGraphOptions } from './fuse_graph.js';
import { MAIN, type FusionReport } from './report.js';
import { readNames } from './sweep.js';

/** Where a fusion happened, by the name of its softmax. */
export interface Place {
  graph: string;
  softmax: string;
}

export interface FusedTopology {
  topology: GraphDef;
  report: FusionReport;
  places: readonly Place[];
}

/** Fuses the main graph and every function of the library; `artifacts` stay as they are. */
export function fuseTopology(
  artifacts: io.ModelArtifacts & { weightData: io.WeightData },
  prefer: Preference,
  veto: FuseGraphOptions['veto'] = () => undefined,
): FusedTopology {
  const topology = readTopology(artifacts.modelTopology);
  const weights = new Weights(artifacts.weightSpecs ?? [], artifacts.weightData);
  const outputs = mainOutputs(topology.node, artifacts);
  const options = { prefer, veto };
  const fuse = (label: string, nodes: readonly NodeDef[], results: ReadonlySet<string>) => {
    checkConstants(label, nodes, weights);
    return fuseGraph(new GraphView(label, nodes, results), weights, options);
  };
  const main = fuse(MAIN, topology.node, outputs);
  const functions = (topology.library?.function ?? []).map((entry) => ({
    entry,
    ...fuse(entry.signature.name, entry.nodeDef ?? [], functionOutputs(entry)),
  }));
  const all: FusedGraph[] = [main, ...functions];
  const count = (lists: (readonly unknown[])[]) =>
    lists.reduce((sum, list) => sum + list.length, 0);
  const fused = all.flatMap((graph) => graph.fused);
  return {
    topology: {
      ...topology,
      node: main.nodes,
      ...(topology.library === undefined
        ? {}
        : {
            library: {
              ...topology.library,
              function: functions.map(({ entry, nodes }) => ({ ...entry, nodeDef: nodes })),
            },
          }),
    },
    report: {
      fused: fused.map(({ softmax: _, ...rest }) => rest),
      skipped: all.flatMap((graph) => graph.skipped),
      nodes: {
        before: count([topology.node, ...functions.map(({ entry }) => entry.nodeDef ?? [])]),
        after: count(all.map(({ nodes }) => nodes)),
      },
    },
    places: fused.map(({ graph, softmax }) => ({ graph, softmax })),
  };
}

/** Constants live among the weights under the names of their nodes. */
function checkConstants(where: string, nodes: readonly NodeDef[], weights: Weights): void {
  for (const { op, name } of nodes) {
    check(
      op !== 'Const' || weights.has(name),
      () => `${where}: the weights lack constant '${name}'; weightSpecs must list every Const node`,
    );
  }
}

interface Signature {
  outputs?: Record<string, { name?: string }>;
}

/** What a model returns: its signature's outputs, and without one every node that nobody reads. */
function mainOutputs(nodes: readonly NodeDef[], artifacts: io.ModelArtifacts): Set<string> {
  const metadata = artifacts.userDefinedMetadata as { signature?: Signature } | undefined;
  const signature: Signature | undefined = metadata?.signature ?? artifacts.signature;
  const known = new Set(nodes.map(({ name }) => name));
  const named = Object.entries(signature?.outputs ?? {}).map(([key, { name }]) => {
    const node = parseRef(name ?? key).node;
    check(
      known.has(node),
      () => `the signature's output '${key}' names '${name ?? key}', which is not in the graph`,
    );
    return node;
  });
  if (named.length > 0) return new Set(named);
  const read = readNames(nodes);
  return new Set(nodes.filter(({ name }) => !read.has(name)).map(({ name }) => name));
}

function functionOutputs({ ret = {}, controlRet = {} }: FunctionDef): Set<string> {
  return new Set(
    [...Object.values(ret), ...Object.values(controlRet)].map((ref) => parseRef(ref).node),
  );
}
