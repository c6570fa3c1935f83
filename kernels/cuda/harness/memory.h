// Device memory of one case, freed with it. Every allocation is followed by bytes that a check finds overwritten.
#ifndef TFJS_ATTENTION_CUDA_HARNESS_MEMORY_H
#define TFJS_ATTENTION_CUDA_HARNESS_MEMORY_H
#include <cuda_runtime.h>
#include <stdexcept>
#include <string>
#include <vector>
#include "cases.h"

inline void must(int error, const char *what) {
  if (error != cudaSuccess) {
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString((cudaError_t)error));
  }
}

class DeviceMemory {
 public:
  ~DeviceMemory() {
    for (auto &piece : pieces) cudaFree(piece.at);
  }

  /** `bytes` of NaN in every type. */
  void *poisoned(size_t bytes) {
    Piece piece = {nullptr, bytes};
    must(cudaMalloc(&piece.at, bytes + GUARD), "cudaMalloc");
    must(cudaMemset(piece.at, 0xff, bytes), "cudaMemset");
    must(cudaMemset((char *)piece.at + bytes, MARK, GUARD), "cudaMemset");
    pieces.push_back(piece);
    return piece.at;
  }

  void *copy(const void *from, size_t bytes) {
    void *to = poisoned(bytes);
    must(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "upload");
    return to;
  }

  /** Null for an absent operand. */
  void *copy(const Blob &blob) { return blob.present ? copy(blob.bytes.data(), blob.bytes.size()) : nullptr; }

  bool intact() const {
    std::vector<unsigned char> guard(GUARD);
    for (auto &piece : pieces) {
      must(cudaMemcpy(guard.data(), (char *)piece.at + piece.bytes, GUARD, cudaMemcpyDeviceToHost), "download");
      for (unsigned char byte : guard) {
        if (byte != MARK) return false;
      }
    }
    return true;
  }

 private:
  static constexpr size_t GUARD = 256;
  static constexpr int MARK = 0x5a;
  struct Piece {
    void *at;
    size_t bytes;
  };
  std::vector<Piece> pieces;
};

template <typename T>
std::vector<T> download(const void *from, size_t count) {
  std::vector<T> to(count);
  must(cudaMemcpy(to.data(), from, count * sizeof(T), cudaMemcpyDeviceToHost), "download");
  return to;
}

#endif
