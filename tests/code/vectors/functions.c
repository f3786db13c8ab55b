/* Functions whose stack frames compilers make in different ways; start() runs them all. */
typedef unsigned int U;
#define STDCALL __attribute__((stdcall, noinline))
#define FASTCALL __attribute__((fastcall, noinline))
#define CDECL __attribute__((noinline))
typedef U(__attribute__((stdcall)) * handler)(U, U);
typedef U (*plain)(U, U, U);

volatile U seed = 12345;
volatile handler handlers[4];
volatile plain plains[2];

U STDCALL leaf2(U a, U b) { seed = seed * 1103515245u + a; return seed ^ b; }
U STDCALL leaf5(U a, U b, U c, U d, U e) { return leaf2(a + b, c) + leaf2(d, e); }
U CDECL plain3(U a, U b, U c) { return leaf2(a, b) ^ c; }
U FASTCALL fast4(U a, U b, U c, U d) { return leaf2(a, c) - leaf2(b, d); }
U CDECL vary(U count, ...)
{
    __builtin_va_list list;
    U sum = 0;
    __builtin_va_start(list, count);
    while (count--) sum += leaf2(__builtin_va_arg(list, U), sum);
    __builtin_va_end(list);
    return sum;
}
U STDCALL nested(U a, U b)
{
    return plain3(leaf2(a, leaf5(a, b, 1, 2, fast4(a, b, 3, 4))), leaf2(b, 5), vary(3, a, b, leaf2(6, a)));
}
U STDCALL indirect(U a, U b)
{
    U x = handlers[a & 3](a, plains[b & 1](a, b, 7));
    x += handlers[b & 3](x, plains[a & 1](x, 8, b));
    return x + vary(2, x, plains[0](x, x, x));
}
U STDCALL early(U a, U b)
{
    U c, d, i, sum = 0;
    if (a & 1) return b;
    c = leaf2(a, b);
    d = leaf2(b, c);
    for (i = 0; i < (c & 3) + 1; i++) sum += leaf5(c, d, i, sum, a) + plain3(d, i, sum);
    return sum + c + d;
}
U STDCALL choose(U a, U b)
{
    switch (a & 15) {
    case 0: return leaf2(b, 1) + plain3(a, b, 2);
    case 1: return leaf5(a, b, 3, 4, 5);
    case 2: return fast4(b, a, 6, 7) ^ leaf2(a, 9);
    case 3: return plain3(b, a, 8);
    case 4: return leaf2(a, leaf2(b, 10));
    case 5: return vary(1, a) + leaf2(a, 11);
    case 6: return handlers[1](a, b);
    case 7: return plains[1](a, b, 12) + leaf2(a, b);
    case 9: return nested(a, b) + 1;
    default: return leaf2(a, 13) - leaf2(b, 14);
    }
}
void CDECL fill(U *words, U count) { while (count--) words[count] = leaf2(count, 15); }
U STDCALL locals(U a, U b)
{
    U words[70];
    fill(words, 70);
    return plain3(words[a & 63], words[b & 63], leaf2(words[1], words[2]));
}
U STDCALL big(U a, U b)
{
    U words[1300];
    fill(words + (a & 7), 40);
    words[1200] = leaf2(words[9], b);
    return plain3(words[a & 7], words[1200], b);
}
U STDCALL aligned(U a, U b)
{
    U words[24] __attribute__((aligned(32)));
    fill(words, 24);
    return leaf5(words[a & 15], words[b & 15], words[3], words[4], leaf2(a, words[5]));
}
U STDCALL dynamic(U a, U b)
{
    U *words = __builtin_alloca(((a & 31) + 8) * 4), sum;
    fill(words, (a & 31) + 8);
    sum = leaf2(words[0], words[(b & 7)]);
    if (b & 1) {
        U *more = __builtin_alloca(((b & 15) + 4) * 4);
        fill(more, (b & 15) + 4);
        sum += plain3(more[1], more[2], sum);
    }
    return sum + leaf2(sum, words[1]);
}
U STDCALL tail(U a, U b)
{
    if (a & 2) return early(b, a);
    return leaf2(a, b) & 4 ? choose(a, b) : locals(a, b);
}
U STDCALL deep(U n, U a)
{
    U words[6];
    words[n % 6] = a;
    if (n == 0) return leaf2(a, words[0]);
    fill(words, 6);
    return deep(n - 1, words[a % 6]) + handlers[n & 3](words[2], n);
}
void CDECL start(void)
{
    U i;
    handlers[0] = early; handlers[1] = leaf2; handlers[2] = locals; handlers[3] = choose;
    plains[0] = plain3; plains[1] = plain3;
    for (i = 0; i < 40; i++) {
        nested(i, seed); indirect(i, seed); early(i, seed); choose(i, seed); locals(i, seed); big(i, seed);
        aligned(i, seed); dynamic(i, seed); tail(i, seed); deep(i & 7, seed);
    }
}
