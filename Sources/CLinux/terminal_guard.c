/* Restores the terminal when the process dies of a fatal signal, then lets it die of that very signal, so that the exit
   status, the core dump and Swift's backtrace are what they would have been. Everything in the handler is
   async-signal-safe; what it needs was computed when the guard was armed. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const int fatal_signals[] = {SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGQUIT, SIGSYS};
enum { fatal_signal_count = sizeof fatal_signals / sizeof fatal_signals[0] };
static struct sigaction previous_actions[fatal_signal_count];

static struct {
    int descriptor;
    struct termios settings;
    uint8_t bytes[256];
    size_t length;
} guarded;

/* Whether `guarded` is complete and the terminal is in our hands. Taken by whoever restores it first. */
static int armed;

static void restore_terminal(void) {
    if (!__atomic_exchange_n(&armed, 0, __ATOMIC_ACQ_REL)) return;
    size_t written = 0;
    while (written < guarded.length) {
        ssize_t count = write(guarded.descriptor, guarded.bytes + written, guarded.length - written);
        if (count > 0) written += (size_t)count;
        else if (count == 0 || errno != EINTR) break;
    }
    tcsetattr(guarded.descriptor, TCSANOW, &guarded.settings);
}

static void handle_fatal_signal(int number, siginfo_t *information, void *context) {
    (void)context;
    int saved = errno;
    restore_terminal();
    for (int index = 0; index < fatal_signal_count; index++) {
        if (fatal_signals[index] == number) sigaction(number, &previous_actions[index], NULL);
    }
    /* A fault happens again as soon as the handler returns, and then whoever was here before us sees where it was. A
       trap instruction, an abort and a signal that was sent do not, so these are raised; they wait until the return. */
    int faults_again = information->si_code > 0 && number != SIGTRAP && number != SIGABRT && number != SIGQUIT
        && number != SIGSYS;
    if (!faults_again) raise(number);
    errno = saved;
}

int cl_terminal_guard_install(void) {
    (void)cl_alternate_stack_begin();
    for (int index = 0; index < fatal_signal_count; index++) {
        struct sigaction present;
        if (sigaction(fatal_signals[index], NULL, &present) != 0) return -1;
        if ((present.sa_flags & SA_SIGINFO) && present.sa_sigaction == handle_fatal_signal) continue;
        struct sigaction action = {.sa_sigaction = handle_fatal_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigemptyset(&action.sa_mask);
        if (sigaction(fatal_signals[index], &action, &previous_actions[index]) != 0) return -1;
    }
    return 0;
}

int cl_terminal_guard_arm(int descriptor, const struct termios *settings, const uint8_t *bytes, size_t length) {
    if (length > sizeof guarded.bytes) {
        errno = E2BIG;
        return -1;
    }
    __atomic_store_n(&armed, 0, __ATOMIC_SEQ_CST);
    guarded.descriptor = descriptor;
    guarded.settings = *settings;
    memcpy(guarded.bytes, bytes, length);
    guarded.length = length;
    __atomic_store_n(&armed, 1, __ATOMIC_RELEASE);
    return 0;
}

void cl_terminal_guard_disarm(void) { __atomic_store_n(&armed, 0, __ATOMIC_RELEASE); }
