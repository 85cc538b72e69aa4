/*
 * The yardsticks on MongoDB: the least that does the work, from many threads over a connection each; no HTTP.
 *
 *     mongo-yardstick URI DATABASE SECONDS [THREADS [PRODUCTS]]
 *     mongo-yardstick --find URI DATABASE SECONDS [THREADS [PRODUCTS]]
 *
 * Purchases are the least that does not oversell: one conditional findAndModify each, no ledger, no idempotency. Each
 * takes one unit of a product that is picked evenly among PRODUCTS (default 1) of its own making, and is acknowledged by
 * a majority, journaled. Prints purchases per second. Fails if the units that are gone from the stock are not the
 * purchases that were counted.
 *
 * With --find it reads the daemon's own documents, PRODUCTS of the collection "products", one find by _id each, with
 * the fields that the daemon asks for. Prints finds per second. Fails if a product is not found.
 *
 * THREADS is 64 if nothing is said.
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <inttypes.h>
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MAX = 1024, PRODUCTS_MAX = 100000, SECONDS_MAX = 3600 };

static const char sold_collection[] = "yardstick";
static const char found_collection[] = "products";
static const int64_t opening = 1000000000;

/* What all threads see. */
typedef struct {
    mongoc_client_pool_t *pool;
    const char *database;
    const char *collection;
    void *(*work)(void *);
    bson_oid_t *products;
    uint32_t product_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t ready_count;
    bool has_begun;
    atomic_bool is_over;
} sale;

typedef struct {
    pthread_t thread;
    sale *sale;
    uint64_t random;
    int64_t count;
    bool has_failed;
    char failure[BSON_ERROR_BUFFER_SIZE + 64];
} buyer;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "mongo-yardstick: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* xorshift64*, and its upper half scaled to the range. */
static uint32_t pick(uint64_t *state, uint32_t count) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t) (((*state * UINT64_C(2685821657736338717)) >> 32) * count >> 32);
}

static mongoc_collection_t *open_collection(const sale *sale, mongoc_client_t *client) {
    mongoc_collection_t *collection = mongoc_client_get_collection(client, sale->database, sale->collection);
    mongoc_write_concern_t *concern = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(concern, -1);
    mongoc_write_concern_set_journal(concern, true);
    mongoc_collection_set_write_concern(collection, concern);
    mongoc_write_concern_destroy(concern);
    return collection;
}

/* A document as large as a product that a shop would have, with what lists and searches need of it. */
static bson_t *new_product(const bson_oid_t *id, uint32_t number) {
    static const char *const words[] = {
        "h", "ha", "han", "hang", "hangin", "hanging", "he", "hea", "hear", "heart", "ho", "hol", "hold",
        "holder", "l", "li", "lig", "ligh", "light", "t", "te", "tea", "w", "wh", "whi", "whit", "white",
    };
    char sku[32], sku_key[32];
    snprintf(sku, sizeof sku, "SKU-%08" PRIu32, number);
    snprintf(sku_key, sizeof sku_key, "sku-%08" PRIu32, number);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t now_ms = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
    bson_t terms = BSON_INITIALIZER;
    for (uint32_t index = 0; index < sizeof words / sizeof *words; index++) {
        char buffer[16];
        const char *key;
        bson_uint32_to_string(index, &key, buffer, sizeof buffer);
        BSON_APPEND_UTF8(&terms, key, words[index]);
    }
    bson_t *product = BCON_NEW(
        "_id", BCON_OID(id), "sku", BCON_UTF8(sku), "sku_key", BCON_UTF8(sku_key),
        "name", "White hanging heart tea light holder", "name_key", "white hanging heart tea light holder",
        "description", "A heart of white metal that holds a tea light. Hangs from a ribbon, 12 cm high.",
        "price", "{", "amount", BCON_INT64(255), "currency", "GBP", "}",
        "attributes", "[", "{", "name", "colour", "value", "white", "}", "]", "terms", BCON_ARRAY(&terms),
        "on_hand", BCON_INT64(opening), "reserved", BCON_INT64(0), "low", BCON_BOOL(false), "live", BCON_BOOL(true),
        "version", BCON_INT64(1), "created_at", BCON_DATE_TIME(now_ms), "updated_at", BCON_DATE_TIME(now_ms));
    bson_destroy(&terms);
    return product;
}

static void create_products(sale *sale) {
    mongoc_client_t *client = mongoc_client_pool_pop(sale->pool);
    mongoc_collection_t *collection = open_collection(sale, client);
    bson_error_t error;
    /* Servers before 7.0 call it an error that there is nothing to drop: "ns not found". */
    if (!mongoc_collection_drop(collection, &error) && error.code != 26) fail("dropping the collection", error.message);
    mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(collection, NULL);
    for (uint32_t number = 0; number < sale->product_count; number++) {
        bson_oid_init(&sale->products[number], NULL);
        bson_t *product = new_product(&sale->products[number], number);
        if (!mongoc_bulk_operation_insert_with_opts(bulk, product, NULL, &error)) {
            fail("making products", error.message);
        }
        bson_destroy(product);
    }
    bson_t reply;
    if (!mongoc_bulk_operation_execute(bulk, &reply, &error)) fail("inserting products", error.message);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    mongoc_collection_destroy(collection);
    mongoc_client_pool_push(sale->pool, client);
}

/* One purchase. False, with a reason, if the server has not acknowledged it. */
static bool purchase(
    mongoc_collection_t *collection, const mongoc_find_and_modify_opts_t *options, const bson_oid_t *product,
    char *failure, size_t failure_size) {
    bson_t *filter = BCON_NEW("_id", BCON_OID(product), "on_hand", "{", "$gte", BCON_INT64(1), "}");
    bson_t reply;
    bson_error_t error = {0};
    bool is_done = mongoc_collection_find_and_modify_with_opts(collection, filter, options, &reply, &error);
    bson_iter_t iter;
    if (!is_done) {
        snprintf(failure, failure_size, "%s", error.message);
    } else if (!bson_iter_init_find(&iter, &reply, "value") || !BSON_ITER_HOLDS_DOCUMENT(&iter)) {
        snprintf(failure, failure_size, "refused, though there is stock");
        is_done = false;
    }
    bson_destroy(&reply);
    bson_destroy(filter);
    return is_done;
}

/* Connects before the clock runs, and waits until it does. */
static void wait_for_the_others(buyer *me, mongoc_client_t *client) {
    sale *sale = me->sale;
    bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
    bson_error_t error;
    if (!mongoc_client_command_simple(client, "admin", ping, NULL, NULL, &error)) {
        snprintf(me->failure, sizeof me->failure, "connecting: %s", error.message);
        me->has_failed = true;
    }
    bson_destroy(ping);
    pthread_mutex_lock(&sale->lock);
    sale->ready_count++;
    pthread_cond_broadcast(&sale->changed);
    while (!sale->has_begun) pthread_cond_wait(&sale->changed, &sale->lock);
    pthread_mutex_unlock(&sale->lock);
}

static bool goes_on(const buyer *me) {
    return !me->has_failed && !atomic_load_explicit(&me->sale->is_over, memory_order_relaxed);
}

static void *buy(void *argument) {
    buyer *me = argument;
    sale *sale = me->sale;
    mongoc_client_t *client = mongoc_client_pool_pop(sale->pool);
    mongoc_collection_t *collection = open_collection(sale, client);
    mongoc_find_and_modify_opts_t *options = mongoc_find_and_modify_opts_new();
    bson_t *update = BCON_NEW("$inc", "{", "on_hand", BCON_INT64(-1), "}");
    bson_t *fields = BCON_NEW("on_hand", BCON_INT32(1), "price", BCON_INT32(1));
    mongoc_find_and_modify_opts_set_update(options, update);
    mongoc_find_and_modify_opts_set_fields(options, fields);
    mongoc_find_and_modify_opts_set_flags(options, MONGOC_FIND_AND_MODIFY_RETURN_NEW);

    wait_for_the_others(me, client);
    while (goes_on(me)) {
        const bson_oid_t *product = &sale->products[pick(&me->random, sale->product_count)];
        if (purchase(collection, options, product, me->failure, sizeof me->failure)) {
            me->count++;
        } else {
            me->has_failed = true;
        }
    }
    bson_destroy(fields);
    bson_destroy(update);
    mongoc_find_and_modify_opts_destroy(options);
    mongoc_collection_destroy(collection);
    mongoc_client_pool_push(sale->pool, client);
    return NULL;
}

/* One read by _id. False, with a reason, if there is no such product. */
static bool find(
    mongoc_collection_t *collection, const bson_t *options, const bson_oid_t *product, char *failure,
    size_t failure_size) {
    bson_t *filter = BCON_NEW("_id", BCON_OID(product));
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, options, NULL);
    const bson_t *document;
    bson_error_t error;
    const bool is_found = mongoc_cursor_next(cursor, &document);
    if (mongoc_cursor_error(cursor, &error)) {
        snprintf(failure, failure_size, "%s", error.message);
    } else if (!is_found) {
        snprintf(failure, failure_size, "a product is not there");
    }
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    return is_found;
}

static void *read_products(void *argument) {
    buyer *me = argument;
    sale *sale = me->sale;
    mongoc_client_t *client = mongoc_client_pool_pop(sale->pool);
    mongoc_collection_t *collection = open_collection(sale, client);
    bson_t *options = BCON_NEW(
        "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true), "projection", "{", "ops", BCON_INT32(0), "terms",
        BCON_INT32(0), "}");
    wait_for_the_others(me, client);
    while (goes_on(me)) {
        const bson_oid_t *product = &sale->products[pick(&me->random, sale->product_count)];
        if (find(collection, options, product, me->failure, sizeof me->failure)) {
            me->count++;
        } else {
            me->has_failed = true;
        }
    }
    bson_destroy(options);
    mongoc_collection_destroy(collection);
    mongoc_client_pool_push(sale->pool, client);
    return NULL;
}

/* The ids of the products to be read. */
static void learn_products(sale *sale) {
    mongoc_client_t *client = mongoc_client_pool_pop(sale->pool);
    mongoc_collection_t *collection = open_collection(sale, client);
    bson_t *all = bson_new();
    bson_t *options = BCON_NEW("limit", BCON_INT64(sale->product_count), "projection", "{", "_id", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, all, options, NULL);
    const bson_t *document;
    bson_iter_t iter;
    uint32_t count = 0;
    while (mongoc_cursor_next(cursor, &document)) {
        if (bson_iter_init_find(&iter, document, "_id") && BSON_ITER_HOLDS_OID(&iter)) {
            bson_oid_copy(bson_iter_oid(&iter), &sale->products[count++]);
        }
    }
    bson_error_t error;
    if (mongoc_cursor_error(cursor, &error)) fail("listing products", error.message);
    if (count != sale->product_count) fail("listing products", "there are not as many");
    mongoc_cursor_destroy(cursor);
    bson_destroy(options);
    bson_destroy(all);
    mongoc_collection_destroy(collection);
    mongoc_client_pool_push(sale->pool, client);
}

static int64_t units_left(sale *sale) {
    mongoc_client_t *client = mongoc_client_pool_pop(sale->pool);
    mongoc_collection_t *collection = open_collection(sale, client);
    bson_t *pipeline = BCON_NEW(
        "pipeline", "[", "{", "$group", "{", "_id", BCON_NULL, "left", "{", "$sum", "$on_hand", "}", "}", "}", "]");
    mongoc_cursor_t *cursor = mongoc_collection_aggregate(collection, MONGOC_QUERY_NONE, pipeline, NULL, NULL);
    const bson_t *document;
    bson_iter_t iter;
    int64_t left = -1;
    if (mongoc_cursor_next(cursor, &document) && bson_iter_init_find(&iter, document, "left")) {
        left = bson_iter_as_int64(&iter);
    }
    bson_error_t error;
    if (mongoc_cursor_error(cursor, &error)) fail("counting what is left", error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(pipeline);
    mongoc_collection_destroy(collection);
    mongoc_client_pool_push(sale->pool, client);
    return left;
}

static void check_stock(sale *sale, int64_t purchases) {
    const int64_t gone = opening * sale->product_count - units_left(sale);
    if (gone == purchases) return;
    char why[96];
    snprintf(why, sizeof why, "%" PRId64 " units are gone, %" PRId64 " purchases were counted", gone, purchases);
    fail("the stock does not add up", why);
}

/* All threads begin at once; the clock stops when the last has been answered. */
static double run(sale *sale, buyer *buyers, uint32_t buyer_count, uint32_t seconds) {
    for (uint32_t index = 0; index < buyer_count; index++) {
        buyers[index].sale = sale;
        buyers[index].random = UINT64_C(0x9E3779B97F4A7C15) * (index + 1);
        if (pthread_create(&buyers[index].thread, NULL, sale->work, &buyers[index]) != 0) fail("threads", "cannot start one");
    }
    pthread_mutex_lock(&sale->lock);
    while (sale->ready_count < buyer_count) pthread_cond_wait(&sale->changed, &sale->lock);
    sale->has_begun = true;
    const double begun_s = now_s();
    pthread_cond_broadcast(&sale->changed);
    pthread_mutex_unlock(&sale->lock);
    struct timespec pause = {.tv_sec = (time_t) seconds, .tv_nsec = 0};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {}
    atomic_store(&sale->is_over, true);
    for (uint32_t index = 0; index < buyer_count; index++) pthread_join(buyers[index].thread, NULL);
    return now_s() - begun_s;
}

static uint32_t number_argument(const char *text, const char *name, uint32_t most) {
    char *end = NULL;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 1 || value > (long) most) {
        char why[64];
        snprintf(why, sizeof why, "must be a number from 1 to %" PRIu32, most);
        fail(name, why);
    }
    return (uint32_t) value;
}

int main(int argc, char **argv) {
    const bool is_find = argc > 1 && strcmp(argv[1], "--find") == 0;
    argv += is_find;
    argc -= is_find;
    if (argc < 4 || argc > 6) fail("usage", "mongo-yardstick [--find] URI DATABASE SECONDS [THREADS [PRODUCTS]]");
    const uint32_t seconds = number_argument(argv[3], "SECONDS", SECONDS_MAX);
    const uint32_t buyer_count = argc > 4 ? number_argument(argv[4], "THREADS", THREADS_MAX) : 64;
    const uint32_t product_count = argc > 5 ? number_argument(argv[5], "PRODUCTS", PRODUCTS_MAX) : 1;

    mongoc_log_set_handler(NULL, NULL); /* Some of it would go to standard output. */
    mongoc_init();
    bson_error_t error;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(argv[1], &error);
    if (uri == NULL) fail("URI", error.message);
    mongoc_client_pool_t *pool = mongoc_client_pool_new(uri);
    if (pool == NULL) fail("URI", "no connections can be made of it");
    mongoc_client_pool_max_size(pool, buyer_count);
    mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2);

    sale sale = {
        .pool = pool, .database = argv[2], .collection = is_find ? found_collection : sold_collection,
        .work = is_find ? read_products : buy, .product_count = product_count, .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER};
    sale.products = calloc(product_count, sizeof *sale.products);
    buyer *buyers = calloc(buyer_count, sizeof *buyers);
    if (sale.products == NULL || buyers == NULL) fail("memory", "there is not enough");
    if (is_find) {
        learn_products(&sale);
    } else {
        create_products(&sale);
    }
    const double elapsed_s = run(&sale, buyers, buyer_count, seconds);

    int64_t count = 0;
    for (uint32_t index = 0; index < buyer_count; index++) {
        if (buyers[index].has_failed) fail(is_find ? "reading" : "buying", buyers[index].failure);
        count += buyers[index].count;
    }
    if (!is_find) check_stock(&sale, count);
    printf("%.1f\n", (double) count / elapsed_s);

    free(buyers);
    free(sale.products);
    mongoc_client_pool_destroy(pool);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
