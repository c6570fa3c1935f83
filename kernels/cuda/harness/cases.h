// Reads the file of cases that packages/testing/src/device_cases writes.
#ifndef TFJS_ATTENTION_CUDA_HARNESS_CASES_H
#define TFJS_ATTENTION_CUDA_HARNESS_CASES_H
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

enum CaseKind {
  CASE_ATTENTION,
  CASE_CACHE_WRITE,
  CASE_CACHE_GATHER,
  CASE_MERGE_STATES,
  CASE_FP8_ENCODE,
  CASE_FP8_DECODE,
};

/** Bytes of an operand; `present` is false for one that the call does not have. */
struct Blob {
  bool present = false;
  std::vector<unsigned char> bytes;

  template <typename T>
  const T *as() const {
    return (const T *)bytes.data();
  }
  template <typename T>
  size_t count() const {
    return bytes.size() / sizeof(T);
  }
};

struct Case {
  CaseKind kind;
  std::string name;
  /** In the order in which the recorder wrote them, the name left out. */
  std::vector<Blob> blobs;
};

class CaseReader {
 public:
  explicit CaseReader(const char *path) : file(std::fopen(path, "rb")) {
    char magic[8];
    if (!file) throw std::runtime_error(std::string("cannot open ") + path);
    read(magic, 8);
    if (std::string(magic, 8) != "tfjsattn") throw std::runtime_error(std::string(path) + " is no file of cases");
  }
  ~CaseReader() { std::fclose(file); }
  CaseReader(const CaseReader &) = delete;

  bool next(Case *c) {
    uint32_t head[2];
    if (std::fread(head, 4, 2, file) != 2) return false;
    c->kind = (CaseKind)head[0];
    c->blobs.clear();
    Blob name = blob();
    c->name.assign(name.as<char>(), name.bytes.size());
    for (uint32_t i = 1; i < head[1]; i++) c->blobs.push_back(blob());
    return true;
  }

 private:
  std::FILE *file;

  void read(void *to, size_t bytes) {
    if (bytes > 0 && std::fread(to, 1, bytes, file) != bytes) throw std::runtime_error("the file of cases ends early");
  }

  Blob blob() {
    uint32_t head[2];
    read(head, 8);
    Blob b;
    if (head[0] == 0xffffffffu) return b;
    b.present = true;
    b.bytes.resize((head[0] + 7) / 8 * 8);
    read(b.bytes.data(), b.bytes.size());
    b.bytes.resize(head[0]);
    return b;
  }
};

#endif
