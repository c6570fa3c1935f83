export { sampleGroups } from './suite/sample.js';
export { conformanceGroups, describeConformance } from './suite/describe_conformance.js';
export type { Spec, SpecGroup, Subject } from './suite/subject.js';
