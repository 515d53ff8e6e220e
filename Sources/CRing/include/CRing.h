/* A ring in C, with the rules of VMBusRing and no more: what the benchmark measures our ring against.

   The layout is that of reference §4.1, so that either ring reads what the other wrote. Every index, length, offset and
   trailer from the other side is read once and checked, the barriers are those of reference §4.9, and both signalling rules
   (§4.7, §4.8 with "strictly more") are decided at every publication and every release of space. */
#ifndef CRING_H
#define CRING_H

#include "CSweep.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One ring in mapped memory: a control page and a data area of `data_size` bytes, which may be mapped a second time straight
   behind the first. */
struct cring {
    uint8_t *control;
    uint8_t *data;
    uint32_t data_size;
    bool mapped_twice;
};

/* The private part of the sending end: where the next packet will start, and what was last published. */
struct cring_sender {
    uint32_t position;
    uint32_t published;
    uint32_t free;
    uint32_t pending;
};

/* The private part of the receiving end. */
struct cring_receiver {
    uint32_t position;
    uint32_t published;
    uint32_t known_write;
};

/* What became of an operation. */
enum cring_status { CRING_OK, CRING_NONE, CRING_DAMAGE };

/* Sets the control words as both ends want them before the channel opens. */
void cring_initialize(const struct cring *ring);

/* Asks for no signals. */
void cring_mask(const struct cring *ring);

/* Sends packets of `payload_count` bytes, published together, and receives them again; `rounds` times.
   `sum` gets the first and the last byte of every payload received. */
enum cring_status cring_exchange(
    const struct cring *ring, struct cring_sender *sender, struct cring_receiver *receiver, const uint8_t *payload,
    size_t payload_count, uint8_t *buffer, size_t batch, size_t rounds, uint64_t *sum, uint64_t *signals);

/* Sends `packets` packets in batches of at most `batch`, waiting actively while the ring is full. */
enum cring_status cring_send_all(
    const struct cring *ring, struct cring_sender *sender, const uint8_t *payload, size_t payload_count, size_t batch,
    size_t packets, uint64_t *signals);

/* Receives `packets` packets and gives their space back after each drain of at most `batch`, waiting actively. */
enum cring_status cring_receive_all(
    const struct cring *ring, struct cring_receiver *receiver, uint8_t *buffer, size_t buffer_size, size_t batch,
    size_t packets, uint64_t *sum, uint64_t *signals);

/* Copies the same bytes in and out of an area as large as a ring without any rule: the floor. */
void cring_copy(
    uint8_t *area, size_t area_size, const uint8_t *payload, size_t payload_count, uint8_t *buffer, size_t batch,
    size_t rounds, uint64_t *sum);

/* A moment of active waiting; now and then the processor goes to whoever else wants it. */
static inline void cring_idle(uint32_t *spins) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    if ((++*spins & 0x3FF) == 0) sched_yield();
}

#endif
