/* A libamd_smi.so whose cards draw powers of closed form: init, handles, places, names, energy, faults, caps and clocks.
 *
 * Signatures and codes are those of amdsmi.h (7.0). A list has a word a card, separated by commas, and its
 * last one repeats.
 *   FAKE_AMDSMI_PLACES    list without repetition: BDFs of the cards (0000:03:00.0)
 *   FAKE_AMDSMI_NAMES     list: market names (AMD Instinct MI210)
 *   FAKE_AMDSMI_WATTS     list: what each draws (200); 0: the counter stands still
 *   FAKE_AMDSMI_START     list: joules at the start (1000)
 *   FAKE_AMDSMI_TICK_S    how often the counter is renewed (0.001)
 *   FAKE_AMDSMI_LOAD      a folder in which fakes/gpu_torch says what it worked on each GPU: cards draw more for it
 *   FAKE_AMDSMI_LOAD_W    list: how much more (100)
 *   FAKE_AMDSMI_STILL     a file with a time in s: from then on the counters stand still
 *   FAKE_AMDSMI_NO_DATA   a file: while it is there the counters have all their bits set, and the call succeeds
 *   FAKE_AMDSMI_ENERGY    list: what amdsmi_get_energy_count returns (0)
 *   FAKE_AMDSMI_STEP_UJ   the counter's step in µJ (15.259); FAKE_AMDSMI_TOLD_UJ: the one it tells (its own)
 *   FAKE_AMDSMI_INIT      what amdsmi_init returns (0)
 *   FAKE_AMDSMI_GONE      a file: while it is there the driver is not loaded, and handles from before are void
 *   FAKE_AMDSMI_STATE     a folder that holds what was set, cap_uw-CARD and clocks-CARD; without it nothing can be
 *   FAKE_AMDSMI_CAP_UW    list: the cap at first (280000000), of 300 W at most; "": the card has none
 *   FAKE_AMDSMI_CLOCKS    list: performance level, lowest and highest MHz at first (0 500 1700); "": it has none
 *   FAKE_AMDSMI_DENIED    anything: who sets is not root
 */
#include "gpu_load.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, INVAL = 1, NOT_SUPPORTED = 2, NO_PERM = 10, AUTO = 0, MANUAL = 3, HIGHEST_UW = 300000000 };
enum { NOT_FOUND = 31, NOT_INIT = 32, NOT_LOADED = 34, CARDS = 16, AMD_GPU = 1 };

typedef struct { int card; } card_t;

static card_t cards[CARDS];
static int started, broken;

static void item(const char *name, int index, const char *otherwise, char *text, size_t length) {
    const char *list = getenv(name);
    if (!list || !*list) list = otherwise;
    for (; index > 0 && strchr(list, ','); index--) list = strchr(list, ',') + 1;
    snprintf(text, length, "%.*s", (int)strcspn(list, ","), list);
}
static double number(const char *name, int index, const char *otherwise) {
    char text[64];
    item(name, index, otherwise, text, sizeof text);
    return atof(text);
}
static uint32_t count(void) {
    const char *list = getenv("FAKE_AMDSMI_PLACES");
    uint32_t found = 1;
    for (; list && (list = strchr(list, ',')); list++) found++;
    return found;
}
static int gone(void) {
    const char *path = getenv("FAKE_AMDSMI_GONE");
    return path && access(path, F_OK) == 0;
}
static int check(const card_t *card) {
    if (gone()) broken = 1;
    if (!started || broken) return gone() ? NOT_LOADED : NOT_INIT;
    return card < cards || card >= cards + count() ? INVAL : SUCCESS;
}

int amdsmi_init(uint64_t flags) {
    if (!(flags & 2)) return INVAL;
    int code = (int)number("FAKE_AMDSMI_INIT", 0, "0");
    if (code || gone()) return code ? code : NOT_LOADED;
    started++;
    broken = 0;
    for (int k = 0; k < CARDS; k++) cards[k].card = k;
    return SUCCESS;
}
int amdsmi_shut_down(void) {
    if (!started) return NOT_INIT;
    started--;
    return SUCCESS;
}
/* A socket a card. */
int amdsmi_get_socket_handles(uint32_t *sockets, void **handles) {
    if (check(cards)) return check(cards);
    if (!handles) { *sockets = count(); return SUCCESS; }
    for (uint32_t k = 0; k < *sockets && k < count(); k++) handles[k] = &cards[k];
    return SUCCESS;
}
int amdsmi_get_processor_handles(void *socket, uint32_t *processors, void **handles) {
    if (check(socket)) return check(socket);
    if (handles) handles[0] = socket;
    *processors = 1;
    return SUCCESS;
}
int amdsmi_get_processor_type(void *card, int *type) {
    *type = AMD_GPU;
    return check(card);
}
int amdsmi_get_gpu_device_bdf(void *card, uint64_t *bdf) {
    char text[32];
    unsigned int domain, bus, device, function;
    if (check(card)) return check(card);
    item("FAKE_AMDSMI_PLACES", ((card_t *)card)->card, "0000:03:00.0", text, sizeof text);
    if (sscanf(text, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4) return NOT_FOUND;
    *bdf = (uint64_t)domain << 16 | bus << 8 | device << 3 | function;
    return SUCCESS;
}
int amdsmi_get_gpu_device_uuid(void *card, unsigned int *length, char *uuid) {
    if (check(card)) return check(card);
    snprintf(uuid, *length, "%02xff740f-0000-1000-80cc-3af4a15a6b%02x", ((card_t *)card)->card, ((card_t *)card)->card);
    return SUCCESS;
}
int amdsmi_get_gpu_asic_info(void *card, char *info) {
    if (check(card)) return check(card);
    item("FAKE_AMDSMI_NAMES", ((card_t *)card)->card, "AMD Instinct MI210", info, 256);
    memset(info + 256, 0xab, 600);                            /* what follows the name in the structure */
    return SUCCESS;
}
/* When the counters stood still, if they do, else a time. */
static double until(double now) {
    const char *path = getenv("FAKE_AMDSMI_STILL");
    FILE *file = path ? fopen(path, "r") : NULL;
    double from;
    if (!file) return now;
    if (fscanf(file, "%lf", &from) != 1) from = now;
    fclose(file);
    return fmin(now, from);
}
int amdsmi_get_energy_count(void *card, uint64_t *energy, float *step_uj, uint64_t *stamp_ns) {
    if (check(card)) return check(card);
    int index = ((card_t *)card)->card, code = (int)number("FAKE_AMDSMI_ENERGY", index, "0");
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now = (double)t.tv_sec + (double)t.tv_nsec / 1e9, tick = number("FAKE_AMDSMI_TICK_S", 0, "0.001");
    double watts = number("FAKE_AMDSMI_WATTS", index, "200"), start = number("FAKE_AMDSMI_START", index, "1000");
    double renewed = floor(until(now) / tick) * tick, joules = start + watts * renewed;
    const char *folder = getenv("FAKE_AMDSMI_LOAD"), *told = getenv("FAKE_AMDSMI_TOLD_UJ");
    if (folder) joules += number("FAKE_AMDSMI_LOAD_W", index, "100") * worked_s(folder, index, renewed);
    *step_uj = (float)number("FAKE_AMDSMI_STEP_UJ", 0, "15.259");
    *energy = (uint64_t)(joules * 1e6 / *step_uj);
    if (told) *step_uj = (float)atof(told);
    const char *no_data = getenv("FAKE_AMDSMI_NO_DATA");
    if (no_data && access(no_data, F_OK) == 0) *energy = UINT64_MAX;
    *stamp_ns = (uint64_t)(now * 1e9);
    return code;
}

/* The controls, which outlive the process as a driver's do. */
static int state(const card_t *card, const char *what, char *path, size_t room) {
    const char *folder = getenv("FAKE_AMDSMI_STATE");
    if (folder) snprintf(path, room, "%s/%s-%d", folder, what, card->card);
    return folder != NULL;
}
/* What was set, else what the list says at first; 0: the card has no such control. */
static int kept(const card_t *card, const char *what, const char *list, char *text, size_t room) {
    char path[4096];
    item(list, card->card, "", text, room);
    if (!*text || !state(card, what, path, sizeof path)) return 0;
    FILE *file = fopen(path, "r");
    if (!file) return 1;
    if (!fgets(text, (int)room, file)) *text = 0;
    fclose(file);
    return 1;
}
/* As a register: whole or not at all. */
static int store(const card_t *card, const char *what, const char *text) {
    char path[4096], made[4200];
    if (!state(card, what, path, sizeof path)) return NOT_SUPPORTED;
    snprintf(made, sizeof made, "%s.new", path);
    FILE *file = fopen(made, "w");
    if (!file) return NO_PERM;
    fputs(text, file);
    fclose(file);
    return rename(made, path) ? NO_PERM : SUCCESS;
}
int amdsmi_get_power_cap_info(void *card, uint32_t sensor, uint64_t *info) {
    char text[32];
    if (check(card)) return check(card);
    if (sensor || !kept(card, "cap_uw", "FAKE_AMDSMI_CAP_UW", text, sizeof text)) return NOT_SUPPORTED;
    const uint64_t told[] = {strtoull(text, NULL, 10), HIGHEST_UW, 1700, 0, HIGHEST_UW};
    memcpy(info, told, sizeof told);
    memset(info + 5, 0xab, 24);
    return SUCCESS;
}
int amdsmi_set_power_cap(void *card, uint32_t sensor, uint64_t cap_uw) {
    char text[32];
    if (check(card)) return check(card);
    if (sensor || !kept(card, "cap_uw", "FAKE_AMDSMI_CAP_UW", text, sizeof text)) return NOT_SUPPORTED;
    if (getenv("FAKE_AMDSMI_DENIED")) return NO_PERM;
    if (cap_uw > HIGHEST_UW) return INVAL;
    snprintf(text, sizeof text, "%llu", (unsigned long long)cap_uw);
    return store(card, "cap_uw", text);
}
static int clocks(const card_t *card, unsigned int *level, unsigned int *low, unsigned int *high) {
    char text[64];
    int code = check(card);
    if (code) return code;
    if (!kept(card, "clocks", "FAKE_AMDSMI_CLOCKS", text, sizeof text)) return NOT_SUPPORTED;
    return sscanf(text, "%u %u %u", level, low, high) == 3 ? SUCCESS : NOT_FOUND;
}
static int keep_clocks(const card_t *card, unsigned int level, unsigned int low, unsigned int high) {
    char text[64];
    snprintf(text, sizeof text, "%u %u %u", level, low, high);
    return store(card, "clocks", text);
}
int amdsmi_get_gpu_od_volt_info(void *card, uint64_t *info) {
    unsigned int level, low, high;
    int code = clocks(card, &level, &low, &high);
    if (code) return code;
    info[0] = low * 1000000ull, info[1] = high * 1000000ull;
    memset(info + 2, 0xab, 160);                              /* the memory's, which versions lay out differently */
    return SUCCESS;
}
int amdsmi_get_gpu_perf_level(void *card, uint32_t *level) {
    unsigned int low, high;
    return clocks(card, level, &low, &high);
}
/* amdgpu gives a card that chooses for itself its whole range back (smu_v13_0_6_set_performance_level). */
int amdsmi_set_gpu_perf_level(void *card, uint32_t level) {
    unsigned int before, low, high, whole;
    char text[64];
    int code = clocks(card, &before, &low, &high);
    if (code) return code;
    if (getenv("FAKE_AMDSMI_DENIED")) return NO_PERM;
    item("FAKE_AMDSMI_CLOCKS", ((card_t *)card)->card, "", text, sizeof text);
    if (level == AUTO) sscanf(text, "%u %u %u", &whole, &low, &high);
    return keep_clocks(card, level, low, high);
}
int amdsmi_set_gpu_clk_limit(void *card, uint32_t clock, uint32_t end, uint64_t mhz) {
    unsigned int level, low, high;
    int code = clocks(card, &level, &low, &high);
    if (code) return code;
    if (clock != 0 || end > 1) return INVAL;
    if (getenv("FAKE_AMDSMI_DENIED")) return NO_PERM;
    *(end ? &high : &low) = (unsigned int)mhz;
    /* The level is manual by then, also if the range is refused. */
    if (low >= high) {
        clocks(card, &level, &low, &high);
        keep_clocks(card, MANUAL, low, high);
        return INVAL;
    }
    return keep_clocks(card, MANUAL, low, high);
}
