typedef unsigned long long u64;
typedef struct CTX CTX;
typedef u64 (*FN)(CTX *c, u64 a, u64 b);
struct CTX {
  u64 seed, countdown, deep, ntable, nnoise, paged, segtop, pad;
  FN table[128];
  FN noise[64];
};
static __attribute__((always_inline)) u64 rnd(CTX *c) {
  c->seed = c->seed * 6364136223846793005ull + 1442695040888963407ull;
  return c->seed >> 33;
}
void *memset(void *p, int v, u64 n) {
  volatile char *q = p;
  while (n--) *q++ = v;
  return p;
}
