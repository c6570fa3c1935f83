// tfjs advertises its Node package once in every test file.
const warn = console.warn.bind(console);
console.warn = (...args) => {
  if (!String(args[0]).includes('running TensorFlow.js in Node.js')) warn(...args);
};
