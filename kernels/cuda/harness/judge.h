// The suite's rule of tolerance: |actual - expected| <= limit everywhere; infinities and NaN must agree.
#ifndef TFJS_ATTENTION_CUDA_HARNESS_JUDGE_H
#define TFJS_ATTENTION_CUDA_HARNESS_JUDGE_H
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

struct Verdict {
  bool passed = true;
  std::string reason;
  /** Largest error over its limit, of what is finite. */
  double share = 0;

  void fail(const std::string &why) {
    if (passed) reason = why;
    passed = false;
  }
};

template <typename T>
void judge_within(Verdict *v, const char *what, const std::vector<T> &actual, const double *expected, double limit) {
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < actual.size(); i++) {
    double a = actual[i], e = expected[i];
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    double distance = std::isfinite(a) && std::isfinite(e) ? std::fabs(a - e) : INFINITY;
    if (distance > worst) worst = distance, at = i;
  }
  if (worst > 0) v->share = std::fmax(v->share, worst / limit);
  if (worst <= limit) return;
  char text[200];
  std::snprintf(text, sizeof text, "%s[%zu] of %zu: expected %.9g, got %.9g, allowed %.3g", what, at, actual.size(),
                expected[at], (double)actual[at], limit);
  v->fail(text);
}

/** Equal to the bit, except that any NaN of the type equals any other. */
template <typename T, typename IsNan>
void judge_same(Verdict *v, const char *what, const std::vector<T> &actual, const T *expected, IsNan isNan) {
  for (size_t i = 0; i < actual.size(); i++) {
    if (actual[i] == expected[i] || (isNan(actual[i]) && isNan(expected[i]))) continue;
    char text[160];
    std::snprintf(text, sizeof text, "%s[%zu] of %zu: expected %.9g, got %.9g", what, i, actual.size(),
                  (double)expected[i], (double)actual[i]);
    return v->fail(text);
  }
}

#endif
