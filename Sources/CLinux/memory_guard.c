/* Keeps the process alive when a file that another process owns is cut short under a mapping of ours. Reading or writing such a
   page raises SIGBUS; the handler puts a page of zeros in its place and counts it, and whoever owns the mapping asks for the
   count afterwards. Everything in the handler is async-signal-safe. A SIGBUS anywhere else goes to whoever handled it before. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

enum { place_count = 256, page_size = 4096 };

/* `base` is written last and taken first, so that the handler sees a whole entry or none. */
static struct {
    uintptr_t base;
    size_t size;
    uint32_t faults;
} places[place_count];

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous_action;
static int handed_on;

static void handle_bus_error(int number, siginfo_t *information, void *context) {
    (void)context;
    int saved = errno;
    uintptr_t address = (uintptr_t)information->si_addr;
    if (information->si_code > 0) {
        for (int place = 0; place < place_count; place++) {
            uintptr_t base = __atomic_load_n(&places[place].base, __ATOMIC_ACQUIRE);
            if (base == 0 || address < base || address - base >= places[place].size) continue;
            void *page = (void *)(address & ~(uintptr_t)(page_size - 1));
            int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
            if (mmap(page, page_size, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED) break;
            __atomic_add_fetch(&places[place].faults, 1, __ATOMIC_RELAXED);
            errno = saved;
            return;
        }
    }
    /* Not ours. The access happens again with the handler from before; a second time it must not come back here. */
    if (__atomic_exchange_n(&handed_on, 1, __ATOMIC_ACQ_REL)) {
        struct sigaction standard = {.sa_handler = SIG_DFL};
        sigaction(number, &standard, NULL);
    } else {
        sigaction(number, &previous_action, NULL);
    }
    if (information->si_code <= 0) raise(number);
    errno = saved;
}

/* Handlers that were installed since, such as the terminal's, must not see faults that are ours. */
static int install(void) {
    struct sigaction present;
    if (sigaction(SIGBUS, NULL, &present) != 0) return -1;
    if ((present.sa_flags & SA_SIGINFO) && present.sa_sigaction == handle_bus_error) return 0;
    struct sigaction action = {.sa_sigaction = handle_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    previous_action = present;
    return sigaction(SIGBUS, &action, NULL);
}

int cl_memory_guard_add(void *base, size_t size) {
    pthread_mutex_lock(&changing);
    int found = -1;
    if (install() == 0) {
        for (int place = 0; place < place_count && found < 0; place++) {
            if (places[place].base == 0) found = place;
        }
        if (found < 0) errno = ENOSPC;
    }
    if (found >= 0) {
        places[found].size = size;
        __atomic_store_n(&places[found].faults, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&places[found].base, (uintptr_t)base, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&changing);
    return found;
}

void cl_memory_guard_remove(int place) {
    if (place < 0 || place >= place_count) return;
    __atomic_store_n(&places[place].base, 0, __ATOMIC_RELEASE);
}

uint32_t cl_memory_guard_faults(int place) {
    return place < 0 || place >= place_count ? 0 : __atomic_load_n(&places[place].faults, __ATOMIC_RELAXED);
}
