/* The secrecy that the project's own table has, over OpenSSL's libcrypto: what it costs, for the bare mechanism. */
#ifndef SEALING_H
#define SEALING_H

#include "contender.h"

enum { RECORD_KEY_LENGTH = 32, NONCE_LENGTH = 12, TAG_LENGTH = 16, SEALING_OVERHEAD = NONCE_LENGTH + TAG_LENGTH };

typedef struct sealing_keys {
    unsigned char record[RECORD_KEY_LENGTH], sealing[32];
} sealing_keys;

/* HKDF-SHA256 (RFC 5869) of the token, with two labels. */
void derive_keys(const char *token, sealing_keys *keys);
/* AES-256-GCM with a random nonce: nonce, ciphertext, tag. Returns the length of what it wrote. */
size_t seal(const sealing_keys *keys, const void *plaintext, size_t length, void *sealed);
/* Returns 0, or -1 where it does not open. */
int unseal(const sealing_keys *keys, const void *sealed, size_t length, result *plaintext);

#endif
