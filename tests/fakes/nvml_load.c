/* Boards that draw more while a program works on them: what it did stands in files (fakes/gpu_torch). */
#include "nvml.h"

/* For how long the work in FOLDER/NUMBER has gone on until a time, in s; lines of "time seconds", in order. */
static double worked_s(const char *folder, int number, double at) {
    char path[4096];
    double before_s = 0, before = 0, time_s, seconds;
    snprintf(path, sizeof path, "%s/%d", folder, number);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    while (fscanf(file, "%lf %lf", &time_s, &seconds) == 2) {
        if (time_s >= at) {
            if (time_s > before_s && before_s > 0) before += (seconds - before) * (at - before_s) / (time_s - before_s);
            else before = 0;
            break;
        }
        before_s = time_s;
        before = seconds;
    }
    fclose(file);
    return before;
}

double load_j(int board, double at) {
    const char *folder = getenv("FAKE_NVML_LOAD");
    char number[16], scale[32];
    if (!folder) return 0;
    snprintf(number, sizeof number, "%d", board);
    if (getenv("FAKE_NVML_LOAD_ORDER")) item("FAKE_NVML_LOAD_ORDER", board, "0", number, sizeof number);
    item("FAKE_NVML_LOAD_W", board, "100", scale, sizeof scale);
    return atof(scale) * worked_s(folder, atoi(number), at);
}
