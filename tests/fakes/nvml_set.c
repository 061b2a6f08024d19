/* The fake's controls: power limits and locked clocks, which outlive the process as a driver's do.
 *
 *   FAKE_NVML_STATE   a folder that holds what was set: limit_mw-BOARD, clocks_mhz-BOARD ("low,high")
 *   FAKE_NVML_DENIED  anything: who asks is not root
 */
#include "nvml.h"

enum { NO_PERMISSION = 4, LOWEST_MW = 100000 };

static void place(char *path, size_t room, const char *what, const device_t *device) {
    snprintf(path, room, "%s/%s-%d", getenv("FAKE_NVML_STATE"), what, device->board);
}
/* 1 and what was set before, else 0. */
int was_set(const device_t *device, const char *what, unsigned int *value) {
    char path[4096];
    if (!getenv("FAKE_NVML_STATE")) return 0;
    place(path, sizeof path, what, device);
    FILE *file = fopen(path, "r");
    int read = file && fscanf(file, "%u", value) == 1;
    if (file) fclose(file);
    return read;
}
static int may_set(const device_t *device) {
    int code = check(device);
    if (code) return code;
    if (getenv("FAKE_NVML_DENIED")) return NO_PERMISSION;
    return getenv("FAKE_NVML_STATE") ? SUCCESS : NOT_SUPPORTED;
}
/* As a register: whole or not at all. */
static int store(const device_t *device, const char *what, const char *text) {
    char path[4096], made[4200];
    place(path, sizeof path, what, device);
    snprintf(made, sizeof made, "%s.new", path);
    FILE *file = fopen(made, "w");
    if (!file) return NO_PERMISSION;
    fputs(text, file);
    fclose(file);
    return rename(made, path) ? NO_PERMISSION : SUCCESS;
}
int nvmlDeviceSetPowerManagementLimit(device_t *device, unsigned int limit_mw) {
    char text[32];
    int code = may_set(device);
    if (code) return code;
    if (limit_mw < LOWEST_MW || limit_mw > 1000 * number("FAKE_NVML_LIMIT_W", 400)) return INVALID_ARGUMENT;
    snprintf(text, sizeof text, "%u", limit_mw);
    return store(device, "limit_mw", text);
}
int nvmlDeviceSetGpuLockedClocks(device_t *device, unsigned int low_mhz, unsigned int high_mhz) {
    char text[32];
    int code = may_set(device);
    if (code) return code;
    if (low_mhz > high_mhz) return INVALID_ARGUMENT;
    snprintf(text, sizeof text, "%u,%u", low_mhz, high_mhz);
    return store(device, "clocks_mhz", text);
}
int nvmlDeviceResetGpuLockedClocks(device_t *device) {
    char path[4096];
    int code = may_set(device);
    if (code) return code;
    place(path, sizeof path, "clocks_mhz", device);
    remove(path);
    return SUCCESS;
}

/* Which clocks there are. */
static int listing(unsigned int *count, unsigned int *list, const unsigned int *all, unsigned int have) {
    unsigned int room = *count;
    *count = have;
    if (room < have) return INSUFFICIENT_SIZE;
    memcpy(list, all, have * sizeof *all);
    return SUCCESS;
}
int nvmlDeviceGetSupportedMemoryClocks(device_t *device, unsigned int *count, unsigned int *list) {
    static const unsigned int all[] = {1593, 810};
    int code = lacks("locks") ? NOT_SUPPORTED : check(device);
    return code ? code : listing(count, list, all, 2);
}
int nvmlDeviceGetSupportedGraphicsClocks(device_t *device, unsigned int memory, unsigned int *count, unsigned int *list) {
    static const unsigned int all[] = {1980, 1410, 1200, 900, 300};
    (void)memory;
    int code = check(device);
    return code ? code : listing(count, list, all, 5);
}
