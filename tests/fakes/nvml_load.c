/* Boards that draw more while a program works on them: what it did stands in files (fakes/gpu_torch). */
#include "gpu_load.h"
#include "nvml.h"

double load_j(int board, double at) {
    const char *folder = getenv("FAKE_NVML_LOAD");
    char number[16], scale[32];
    if (!folder) return 0;
    snprintf(number, sizeof number, "%d", board);
    if (getenv("FAKE_NVML_LOAD_ORDER")) item("FAKE_NVML_LOAD_ORDER", board, "0", number, sizeof number);
    item("FAKE_NVML_LOAD_W", board, "100", scale, sizeof scale);
    return atof(scale) * worked_s(folder, atoi(number), at);
}
