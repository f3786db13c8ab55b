CTX *KiCtx;
u64 KiSwitchKernelStackAndCallout(FN f, CTX *c, u64 top);
__attribute__((noinline)) u64 MmAccessFault(void) {
  CTX *c = KiCtx;
  volatile u64 x[4];
  x[1] = rnd(c);
  c->paged += 0x1000;
  return c->table[rnd(c) % c->ntable](c, x[1], 2) + x[1];
}
__attribute__((noinline)) u64 KiRunInterrupt(void) {
  CTX *c = KiCtx;
  volatile u64 x[6];
  x[2] = rnd(c);
  return c->table[rnd(c) % c->ntable](c, x[2], 3) + x[2];
}
__attribute__((noinline)) u64 KeExpandKernelStackAndCalloutEx(CTX *c, u64 a, u64 b) {
  volatile u64 x[8];
  u64 top = c->segtop;
  x[3] = a;
  c->segtop = 0;
  return KiSwitchKernelStackAndCallout(c->table[a % c->ntable], c, top) + x[3];
}
__declspec(dllexport) __attribute__((noinline)) u64 MmTouch(CTX *c, u64 a, u64 b) {
  volatile u64 x[3];
  x[0] = a;
  if (c->segtop && c->countdown < 2) return KeExpandKernelStackAndCalloutEx(c, a, b) + x[0];
  if (!c->countdown--) x[1] = *(volatile u64 *)c->paged;
  return x[1] + x[0];
}
__attribute__((noinline)) u64 PspSystemThreadStartup(CTX *c) {
  volatile u64 x[3];
  x[0] = rnd(c);
  return c->table[x[0] % c->ntable](c, 1, 2) + x[0];
}
__attribute__((noinline)) u64 NtWriteFile(CTX *c) {
  volatile u64 x[9];
  x[0] = rnd(c);
  return c->table[x[0] % c->ntable](c, 1, 2) + x[0];
}
