#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

int cl_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int cl_punch_hole(int descriptor, int64_t offset, int64_t count) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, count);
}

int cl_eventfd_signal(int descriptor) { return eventfd_write(descriptor, 1); }

int cl_eventfd_drain(int descriptor) {
    eventfd_t value;
    return eventfd_read(descriptor, &value) == 0 || errno == EAGAIN ? 0 : -1;
}

int cl_signalfd(const sigset_t *set) { return signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK); }

int cl_signalfd_next(int descriptor) {
    struct signalfd_siginfo information;
    ssize_t count = read(descriptor, &information, sizeof information);
    if (count == (ssize_t)sizeof information) return (int)information.ssi_signo;
    return count < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0;
}

int cl_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }

int cl_timerfd_set(int descriptor, uint64_t first, uint64_t interval) {
    struct itimerspec setting = {
        .it_interval = {.tv_sec = (time_t)(interval / 1000000000u), .tv_nsec = (long)(interval % 1000000000u)},
        .it_value = {.tv_sec = (time_t)(first / 1000000000u), .tv_nsec = (long)(first % 1000000000u)},
    };
    return timerfd_settime(descriptor, 0, &setting, NULL);
}

void cl_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int cl_processors(uint64_t *words, size_t count) {
    return sched_getaffinity(0, count * sizeof *words, (cpu_set_t *)(void *)words);
}

int cl_keep_on_processors(const uint64_t *words, size_t count) {
    return sched_setaffinity(0, count * sizeof *words, (const cpu_set_t *)(const void *)words);
}

int cl_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

char *const *cl_environment(void) { return environ; }

int cl_window_size(int descriptor, uint16_t *rows, uint16_t *columns) {
    struct winsize size = {0};
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

enum { alternate_stack_size = 128 * 1024 };

void *cl_alternate_stack_begin(void) {
    stack_t present;
    if (sigaltstack(NULL, &present) != 0 || !(present.ss_flags & SS_DISABLE)) return NULL;
    stack_t stack = {.ss_sp = malloc(alternate_stack_size), .ss_size = alternate_stack_size};
    if (stack.ss_sp != NULL && sigaltstack(&stack, NULL) != 0) {
        free(stack.ss_sp);
        return NULL;
    }
    return stack.ss_sp;
}

void cl_alternate_stack_end(void *stack) {
    if (stack == NULL) return;
    stack_t none = {.ss_flags = SS_DISABLE};
    if (sigaltstack(&none, NULL) == 0) free(stack);
}

int cl_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

enum { most_descriptors = 16 };

ssize_t cl_receive(int stream, void *buffer, size_t size, int *descriptors, size_t capacity, size_t *count) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *count = 0;
    ssize_t received = recvmsg(stream, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (received < 0) return -1;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        size_t found = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < found; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(part) + index * sizeof(int), sizeof descriptor);
            if (*count < capacity) descriptors[(*count)++] = descriptor;
            else close(descriptor);
        }
    }
    return received;
}

ssize_t cl_send(int stream, const void *bytes, size_t size) {
    return send(stream, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

pid_t cl_peer(int stream) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(stream, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : -1;
}

ssize_t cl_process_read(pid_t process, uint64_t address, void *buffer, size_t size) {
    struct iovec here = {.iov_base = buffer, .iov_len = size};
    struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    return process_vm_readv(process, &here, 1, &there, 1, 0);
}

ssize_t cl_process_write(pid_t process, uint64_t address, const void *bytes, size_t size) {
    struct iovec here = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    return process_vm_writev(process, &here, 1, &there, 1, 0);
}

int cl_poll(void *descriptors, size_t count, int64_t nanoseconds) {
    struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
    return ppoll(descriptors, (nfds_t)count, nanoseconds < 0 ? NULL : &time, NULL);
}

int cl_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

int cl_is_sealed_against_shrinking(int descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

int cl_perf_tracepoint(uint64_t id, int processor) {
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof attributes,
        .config = id,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW,
        .disabled = 1,
        .sample_id_all = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
    };
    return (int)syscall(SYS_perf_event_open, &attributes, -1, processor, -1, PERF_FLAG_FD_CLOEXEC);
}

int cl_perf_set_output(int descriptor, int leader) { return ioctl(descriptor, PERF_EVENT_IOC_SET_OUTPUT, leader); }

int cl_perf_set_filter(int descriptor, const char *filter) {
    return ioctl(descriptor, PERF_EVENT_IOC_SET_FILTER, filter);
}

int cl_perf_enable(int descriptor) { return ioctl(descriptor, PERF_EVENT_IOC_ENABLE, 0); }

uint64_t cl_perf_head(const void *page) {
    return __atomic_load_n(&((const struct perf_event_mmap_page *)page)->data_head, __ATOMIC_ACQUIRE);
}

void cl_perf_set_tail(void *page, uint64_t tail) {
    __atomic_store_n(&((struct perf_event_mmap_page *)page)->data_tail, tail, __ATOMIC_RELEASE);
}

pid_t cl_fork(void) { return fork(); }

int cl_uevent_socket(void) {
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (descriptor < 0) return -1;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    if (bind(descriptor, (struct sockaddr *)(void *)&address, sizeof address) == 0) return descriptor;
    int saved = errno;
    close(descriptor);
    errno = saved;
    return -1;
}

ssize_t cl_uevent_receive(int descriptor, void *buffer, size_t size) {
    struct sockaddr_nl sender = {0};
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t count = recvmsg(descriptor, &message, MSG_DONTWAIT);
    if (count < 0) return errno == EINTR ? 0 : -(ssize_t)errno;
    return sender.nl_pid != 0 || message.msg_flags & MSG_TRUNC ? 0 : count;
}

int cl_is_sysfs(const char *path) {
    struct statfs system;
    return statfs(path, &system) == 0 ? system.f_type == 0x62656572 : -1;
}

int cl_processor_identification(uint32_t leaf, uint32_t registers[4]) {
#if defined(__x86_64__) || defined(__i386__)
    __cpuid_count(leaf, 0, registers[0], registers[1], registers[2], registers[3]);
    return 1;
#else
    (void)leaf;
    (void)registers;
    return 0;
#endif
}

int cl_interface_socket(void) { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }

static int ask_interface(int socket, const char *interface, void *question) {
    struct ifreq request = {.ifr_data = question};
    strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
    return ioctl(socket, SIOCETHTOOL, &request);
}

int64_t cl_interface_counter_count(int socket, const char *interface) {
    union {
        struct ethtool_sset_info head;
        uint32_t words[8];
    } question = {.head = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_STATS}};
    if (ask_interface(socket, interface, &question) != 0) return -1;
    return question.head.sset_mask == 0 ? 0 : question.words[sizeof question.head / sizeof question.words[0]];
}

int64_t cl_interface_counter_names(int socket, const char *interface, uint32_t count, void *bytes) {
    struct ethtool_gstrings *question = bytes;
    *question = (struct ethtool_gstrings){.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = count};
    return ask_interface(socket, interface, question) != 0 ? -1 : (int64_t)question->len;
}

int64_t cl_interface_counter_values(int socket, const char *interface, uint32_t count, void *bytes) {
    struct ethtool_stats *question = bytes;
    *question = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = count};
    return ask_interface(socket, interface, question) != 0 ? -1 : (int64_t)question->n_stats;
}

int cl_tap(const char *interface) {
    int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return -1;
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    if (ioctl(descriptor, TUNSETIFF, &request) == 0) return descriptor;
    int code = errno;
    close(descriptor);
    errno = code;
    return -1;
}
