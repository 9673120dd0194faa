/* Words of memory that processes share, each read and written whole. The C11 type would be another one to Swift; the
 * compiler's own functions do the same on a plain word. */
#ifndef REFRESHD_SHARED_WORDS_H
#define REFRESHD_SHARED_WORDS_H

#include <stdint.h>

/* Relaxed: for counters, which nothing else depends on. */
static inline uint64_t clinux_word_load(const uint64_t *_Nonnull word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void clinux_word_store(uint64_t *_Nonnull word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* Adds, wrapping around; a negative amount is its two's complement. One instruction. */
static inline void clinux_word_add(uint64_t *_Nonnull word, uint64_t amount) {
    __atomic_fetch_add(word, amount, __ATOMIC_RELAXED);
}

/* Stores `value` where `expected` is; 0 where something else is. What was written before is seen by who finds it. */
static inline int clinux_word_exchange(uint64_t *_Nonnull word, uint64_t expected, uint64_t value) {
    return __atomic_compare_exchange_n(word, &expected, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Between two stores: nobody sees the second without the first, if they have a fence between their two loads. */
static inline void clinux_word_fence(void) { __atomic_thread_fence(__ATOMIC_ACQ_REL); }

#endif
