/* What a program did on fake GPUs: fakes/gpu_torch writes it down, fake boards draw power by it. */

#pragma GCC visibility push(hidden)
double worked_s(const char *folder, int number, double at);
#pragma GCC visibility pop
