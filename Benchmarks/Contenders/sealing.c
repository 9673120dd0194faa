/* SHA256_* are deprecated for their lack of providers; they are what is fastest, and this stands for the machine's limit. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sealing.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

typedef struct hmac_key {
    SHA256_CTX inner, outer;
} hmac_key;

static void hmac_init(hmac_key *key, const void *bytes, size_t length)
{
    unsigned char block[SHA256_CBLOCK] = { 0 }, padded[SHA256_CBLOCK];
    if (length > sizeof block) SHA256(bytes, length, block);
    else memcpy(block, bytes, length);
    for (size_t i = 0; i < sizeof block; i++) padded[i] = block[i] ^ 0x36;
    SHA256_Init(&key->inner);
    SHA256_Update(&key->inner, padded, sizeof padded);
    for (size_t i = 0; i < sizeof block; i++) padded[i] = block[i] ^ 0x5c;
    SHA256_Init(&key->outer);
    SHA256_Update(&key->outer, padded, sizeof padded);
}

static void hmac(const hmac_key *key, const void *bytes, size_t length, unsigned char digest[32])
{
    SHA256_CTX context = key->inner;
    SHA256_Update(&context, bytes, length);
    SHA256_Final(digest, &context);
    context = key->outer;
    SHA256_Update(&context, digest, 32);
    SHA256_Final(digest, &context);
}

void derive_keys(const char *token, sealing_keys *keys)
{
    static const char salt[] = "client_benchmark", record[] = "record key\1", sealing[] = "sealing key\1";
    unsigned char extracted[32];
    hmac_key key;
    hmac_init(&key, salt, sizeof salt - 1);
    hmac(&key, token, strlen(token), extracted);
    hmac_init(&key, extracted, sizeof extracted);
    hmac(&key, record, sizeof record - 1, keys->record);
    hmac(&key, sealing, sizeof sealing - 1, keys->sealing);
}

/* Kept from call to call: making one costs more than sealing. */
static EVP_CIPHER_CTX *context_for_thread(void)
{
    static _Thread_local EVP_CIPHER_CTX *context;
    if (context == NULL) {
        context = EVP_CIPHER_CTX_new();
        EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, NULL, NULL, 1);
    }
    return context;
}

size_t seal(const sealing_keys *keys, const void *plaintext, size_t length, void *sealed)
{
    EVP_CIPHER_CTX *context = context_for_thread();
    unsigned char *out = sealed;
    int written;
    if (RAND_bytes(out, NONCE_LENGTH) != 1 ||
        EVP_CipherInit_ex(context, NULL, NULL, keys->sealing, out, 1) != 1 ||
        EVP_CipherUpdate(context, NULL, &written, keys->record, RECORD_KEY_LENGTH) != 1 ||
        EVP_CipherUpdate(context, out + NONCE_LENGTH, &written, plaintext, (int)length) != 1 ||
        EVP_CipherFinal_ex(context, out + NONCE_LENGTH + length, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_LENGTH, out + NONCE_LENGTH + length) != 1)
        die("AES-GCM");
    return length + SEALING_OVERHEAD;
}

int unseal(const sealing_keys *keys, const void *sealed, size_t length, result *plaintext)
{
    EVP_CIPHER_CTX *context = context_for_thread();
    const unsigned char *in = sealed;
    int written;
    if (length < SEALING_OVERHEAD || length - SEALING_OVERHEAD > sizeof plaintext->bytes) return -1;
    size_t inside = length - SEALING_OVERHEAD;
    if (EVP_CipherInit_ex(context, NULL, NULL, keys->sealing, in, 0) != 1 ||
        EVP_CipherUpdate(context, NULL, &written, keys->record, RECORD_KEY_LENGTH) != 1 ||
        EVP_CipherUpdate(context, (unsigned char *)plaintext->bytes, &written, in + NONCE_LENGTH, (int)inside) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_LENGTH, (void *)(in + NONCE_LENGTH + inside)) != 1 ||
        EVP_CipherFinal_ex(context, (unsigned char *)plaintext->bytes + written, &written) != 1)
        return -1;
    plaintext->length = inside;
    return 0;
}
