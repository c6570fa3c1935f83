export { main, type CliSurroundings } from './main.js';
