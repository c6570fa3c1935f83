/** What a TensorFlow wheel with CUDA opens when it looks for a GPU: all of these, or it goes without one. */
export interface CudaNeeds {
  /** As NVIDIA and TensorFlow name it. */
  release: string;
  libraries: readonly string[];
}

const LIBRARIES = (runtime: string, blas: string, fft: string, sparse: string, dnn: string) => [
  `libcudart.so.${runtime}`,
  `libcublas.so.${blas}`,
  `libcublasLt.so.${blas}`,
  `libcufft.so.${fft}`,
  'libcusolver.so.11',
  `libcusparse.so.${sparse}`,
  `libcudnn.so.${dnn}`,
];

/**
 * The CUDA release that TensorFlow `2.minor` was built with (its table of tested configurations), and the names that
 * it opens.
 */
export function cudaNeeds(version: string): CudaNeeds {
  const minor = Number(version.split('.')[1]);
  if (minor < 15) {
    const cudnn = minor === 14 ? '8.7' : '8.6';
    return {
      release: `CUDA 11.8 with cuDNN ${cudnn}`,
      libraries: LIBRARIES('11.0', '11', '10', '11', '8'),
    };
  }
  if (minor < 18) {
    const release = minor === 15 ? '12.2' : '12.3';
    return {
      release: `CUDA ${release} with cuDNN 8.9`,
      libraries: LIBRARIES('12', '12', '11', '12', '8'),
    };
  }
  return {
    release: 'CUDA 12.5 with cuDNN 9.3',
    libraries: LIBRARIES('12', '12', '11', '12', '9'),
  };
}
