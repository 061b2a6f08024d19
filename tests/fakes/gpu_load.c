#include "gpu_load.h"

#include <stdio.h>

/* For how long the work in FOLDER/NUMBER has gone on until a time, in s; lines of "time seconds", in order. */
double worked_s(const char *folder, int number, double at) {
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
