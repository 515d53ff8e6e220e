/* Calls that Swift cannot import: GNU extensions, variadic functions and macros. One line each; no _GNU_SOURCE here, as
   it would change the layout of structures that Swift has imported without it. */
#ifndef CLINUX_H
#define CLINUX_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

/* eventfd(2), not blocking, closed on exec; -1 and errno on failure. */
int cl_eventfd(void);

/* Adds one to the counter of an eventfd; 0, or -1 and errno. */
int cl_eventfd_signal(int descriptor);

/* Takes the counter of an eventfd back to zero; 0 also if it was zero already. */
int cl_eventfd_drain(int descriptor);

/* signalfd(2), not blocking, closed on exec. */
int cl_signalfd(const sigset_t *set);

/* The next signal of a signalfd, 0 if there is none, or -1 and errno. */
int cl_signalfd_next(int descriptor);

/* timerfd_create(2) on the monotonic clock, not blocking, closed on exec. */
int cl_timerfd(void);

/* timerfd_settime(2): first after `first` nanoseconds (0 stops the timer), then every `interval` nanoseconds. */
int cl_timerfd_set(int descriptor, uint64_t first, uint64_t interval);

/* Names the calling thread; at most 15 bytes count. */
void cl_name_thread(const char *name);

/* The processors that the calling thread may run on, a bit each, 64 to a word: 0, or -1 and errno. */
int cl_processors(uint64_t *words, size_t count);

/* Keeps the calling thread on some processors: 0, or -1 and errno. */
int cl_keep_on_processors(const uint64_t *words, size_t count);

/* pipe2(2), closed on exec: 0, or -1 and errno. */
int cl_pipe(int ends[2]);

/* The environment, ending with a null pointer. */
char *const *cl_environment(void);

/* The window size of a terminal: 0, or -1 and errno. */
int cl_window_size(int descriptor, uint16_t *rows, uint16_t *columns);

/* Gives the calling thread a stack for signal handlers unless it has one; the memory to free at its end, or null. */
void *cl_alternate_stack_begin(void);

/* Takes back and frees what cl_alternate_stack_begin gave. */
void cl_alternate_stack_end(void *stack);

/* fallocate(2): the bytes read as zeros and take no room: 0, or -1 and errno. */
int cl_punch_hole(int descriptor, int64_t offset, int64_t count);

/* accept4(2), not blocking, closed on exec; -1 and errno on failure. */
int cl_accept(int listener);

/* recvmsg(2): the bytes read, 0 at the end, or -1 and errno. Descriptors that came along go to `descriptors` (closed on
   exec), at most `capacity` of them; `*count` tells how many. The kernel closes those that there is no room for. */
ssize_t cl_receive(int stream, void *buffer, size_t size, int *descriptors, size_t capacity, size_t *count);

/* send(2) without a signal where the other side is gone: the bytes sent, or -1 and errno. */
ssize_t cl_send(int stream, const void *bytes, size_t size);

/* SO_PEERCRED: the process that connected to a Unix socket, as it was then; -1 and errno on failure. */
pid_t cl_peer(int stream);

/* process_vm_readv(2) and process_vm_writev(2) of one piece of another process's memory: the bytes copied, which are fewer
   where its pages end, or -1 and errno. */
ssize_t cl_process_read(pid_t process, uint64_t address, void *buffer, size_t size);
ssize_t cl_process_write(pid_t process, uint64_t address, const void *bytes, size_t size);

/* ppoll(2) of an array of struct pollfd with the signals as they are; a negative time waits for ever. */
int cl_poll(void *descriptors, size_t count, int64_t nanoseconds);

/* memfd_create(2), closed on exec and open to seals; -1 and errno on failure. */
int cl_memfd(const char *name);

/* 1 if the file can never become shorter, else 0. */
int cl_is_sealed_against_shrinking(int descriptor);

/* perf_event_open(2) of a tracepoint on one processor, for all threads: every hit is a sample with thread, time of the
   monotonic clock, processor and raw record. Switched off, closed on exec; -1 and errno on failure. */
int cl_perf_tracepoint(uint64_t id, int processor);

/* PERF_EVENT_IOC_SET_OUTPUT: what it tells goes to the buffer of `leader`. 0, or -1 and errno. */
int cl_perf_set_output(int descriptor, int leader);

/* PERF_EVENT_IOC_SET_FILTER: the kernel drops what does not fit. 0, or -1 and errno. */
int cl_perf_set_filter(int descriptor, const char *filter);

/* PERF_EVENT_IOC_ENABLE: 0, or -1 and errno. */
int cl_perf_enable(int descriptor);

/* How far the kernel has written into the buffer behind a mapped perf page; what lies before is visible. */
uint64_t cl_perf_head(const void *page);

/* Tells the kernel how far the buffer was read. */
void cl_perf_set_tail(void *page, uint64_t tail);

/* fork(2), for a program that has one thread yet: 0 in the child, its number in the parent, or -1 and errno. */
pid_t cl_fork(void);

/* A netlink socket that hears the kernel's uevents, not blocking, closed on exec; -1 and errno on failure. */
int cl_uevent_socket(void);

/* The next uevent: its bytes, 0 for a message that is not the kernel's own or too long, or the negative errno; -EAGAIN for
   none, -ENOBUFS where the kernel has dropped some. */
ssize_t cl_uevent_receive(int descriptor, void *buffer, size_t size);

/* 1 if a path lies in sysfs, which holds nothing but directories, links and regular files, 0 if not, or -1 and errno. */
int cl_is_sysfs(const char *path);
/* The CPUID instruction: 1 and eax, ebx, ecx, edx of that leaf; 0 on a processor that has no such instruction. */
int cl_processor_identification(uint32_t leaf, uint32_t registers[4]);

/* A socket for questions about network interfaces, closed on exec; -1 and errno on failure. */
int cl_interface_socket(void);

/* How many counters an interface's driver has, or -1 and errno. The name is cut at 15 bytes. */
int64_t cl_interface_counter_count(int socket, const char *interface);

/* Names of the counters, 32 bytes each, behind a head of 12 bytes; values, 8 bytes each, behind one of 8. Many kernels fill
   in as many as there are at that moment, whatever `count` says was counted before, so `bytes` must have room for more: how
   many there are, or -1 and errno. */
int64_t cl_interface_counter_names(int socket, const char *interface, uint32_t count, void *bytes);
int64_t cl_interface_counter_values(int socket, const char *interface, uint32_t count, void *bytes);

/* A TAP device of the kernel: each read gives a frame, each write takes one, without a header of the kernel's own. Not blocking,
   closed on exec; -1 and errno on failure. The name is cut at 15 bytes. */
int cl_tap(const char *interface);

/* memory_guard.c: survives a file that is cut short under a mapping: a page that is gone becomes a page of zeros of our own.
   Takes a free place: its number, or -1 and errno. */
int cl_memory_guard_add(void *base, size_t size);

/* Gives the place back, after the mapping was taken down. */
void cl_memory_guard_remove(int place);

/* Pages of that place that were gone when they were touched. */
uint32_t cl_memory_guard_faults(int place);

/* terminal_guard.c: installs the handlers of fatal signals once for the process: 0, or -1 and errno. */
int cl_terminal_guard_install(void);

/* Arms the guard: on a fatal signal `length` bytes (at most 256) go to `descriptor`, which gets `settings` back. */
int cl_terminal_guard_arm(int descriptor, const struct termios *settings, const uint8_t *bytes, size_t length);

/* Disarms the guard, as the terminal is in order again. */
void cl_terminal_guard_disarm(void);

#endif
