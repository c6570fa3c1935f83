import { attach } from './attach.js';

attach('webgpu');
