#ifndef INVENTORY_CMONGOC_SHIM_H
#define INVENTORY_CMONGOC_SHIM_H

#include <mongoc/mongoc.h>

/*
 * What Swift cannot do with libmongoc and libbson itself. `bson_t` and `bson_iter_t` are aligned to 128 bytes, which a
 * Swift variable is not: here they live on C's stack or on the heap, and Swift sees plain values and opaque pointers.
 */

/* A field of a document. Pointers lead into the document's bytes. */
typedef struct {
    const char *name;
    bson_type_t type;
    /* Integers, booleans (0 or 1), dates (milliseconds), timestamps (seconds << 32 | increment). */
    int64_t integer;
    double number;
    /* Texts without their end, documents and arrays as a whole, the twelve bytes of an object id. */
    const uint8_t *bytes;
    uint32_t length;
} inventory_field;

static inline void inventory_read(const bson_iter_t *iter, inventory_field *field) {
    memset(field, 0, sizeof *field);
    field->name = bson_iter_key(iter);
    field->type = bson_iter_type(iter);
    switch (field->type) {
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
    case BSON_TYPE_BOOL:
        field->integer = bson_iter_as_int64(iter);
        break;
    case BSON_TYPE_DATE_TIME:
        field->integer = bson_iter_date_time(iter);
        break;
    case BSON_TYPE_TIMESTAMP: {
        uint32_t seconds = 0, increment = 0;
        bson_iter_timestamp(iter, &seconds, &increment);
        field->integer = (int64_t) ((uint64_t) seconds << 32 | increment);
        break;
    }
    case BSON_TYPE_DOUBLE:
        field->number = bson_iter_double(iter);
        break;
    case BSON_TYPE_UTF8:
        field->bytes = (const uint8_t *) bson_iter_utf8(iter, &field->length);
        break;
    case BSON_TYPE_DOCUMENT:
        bson_iter_document(iter, &field->length, &field->bytes);
        break;
    case BSON_TYPE_ARRAY:
        bson_iter_array(iter, &field->length, &field->bytes);
        break;
    case BSON_TYPE_OID:
        field->bytes = bson_iter_oid(iter)->bytes;
        field->length = 12;
        break;
    default:
        break;
    }
}

/* The field of that name, if the document has one. */
static inline bool inventory_find(const uint8_t *data, size_t length, const char *name, inventory_field *field) {
    bson_t document;
    bson_iter_t iter;
    if (!bson_init_static(&document, data, length) || !bson_iter_init_find(&iter, &document, name)) return false;
    inventory_read(&iter, field);
    return true;
}

/* The field after the one at `offset`, which moves on; 0 is before the first. */
static inline bool inventory_next(const uint8_t *data, size_t length, uint32_t *offset, inventory_field *field) {
    bson_iter_t iter;
    if (*offset == 0) {
        if (!bson_iter_init_from_data(&iter, data, length)) return false;
    } else {
        uint32_t name_length = (uint32_t) strlen((const char *) data + *offset + 1);
        if (!bson_iter_init_from_data_at_offset(&iter, data, length, *offset, name_length)) return false;
    }
    if (!bson_iter_next(&iter)) return false;
    *offset = bson_iter_offset(&iter);
    inventory_read(&iter, field);
    return true;
}

/* What became of a command: the server's reply, to be given back with bson_free, and libmongoc's error. */
typedef struct {
    bool is_ok;
    uint8_t *reply;
    uint32_t length;
    uint32_t domain;
    uint32_t code;
    char message[BSON_ERROR_BUFFER_SIZE];
} inventory_result;

/* A session for a cursor: the server wants each of its commands under the one that it was opened under, and without this
 * libmongoc takes any that is free. NULL where there is none to be had. */
static inline mongoc_client_session_t *inventory_session(mongoc_client_t *client) {
    bson_error_t error;
    mongoc_session_opt_t *options = mongoc_session_opts_new();
    mongoc_client_session_t *session;
    mongoc_session_opts_set_causal_consistency(options, false);
    session = mongoc_client_start_session(client, options, &error);
    mongoc_session_opts_destroy(options);
    return session;
}

/* Runs a command on the primary, under a session if there is one. A findAndModify may be sent a second time by libmongoc,
 * where the server sees that it is one. */
static inline void inventory_command(
    mongoc_client_t *client, mongoc_client_session_t *session, const char *database, const uint8_t *data, size_t length,
    bool is_write, inventory_result *result) {
    bson_t command, reply, options;
    bson_error_t error;
    memset(&error, 0, sizeof error);
    memset(result, 0, sizeof *result);
    bson_init(&options);
    if (session && !mongoc_client_session_append(session, &options, &error)) {
        bson_init(&reply);
    } else if (!bson_init_static(&command, data, length)) {
        bson_set_error(&error, MONGOC_ERROR_BSON, MONGOC_ERROR_BSON_INVALID, "the command is no BSON document");
        bson_init(&reply);
    } else if (is_write) {
        result->is_ok = mongoc_client_write_command_with_opts(client, database, &command, &options, &reply, &error);
    } else {
        mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
        result->is_ok = mongoc_client_read_command_with_opts(
            client, database, &command, primary, &options, &reply, &error);
        mongoc_read_prefs_destroy(primary);
    }
    bson_destroy(&options);
    result->domain = error.domain;
    result->code = error.code;
    memcpy(result->message, error.message, sizeof result->message);
    result->reply = bson_destroy_with_steal(&reply, true, &result->length);
}

/* `bson_append_document` knows its child's length; for Swift a macro has to be a function. */
static inline uint32_t inventory_length(const bson_t *document) { return document->len; }

/* Appends a document or an array by its bytes. */
static inline bool inventory_append_bytes(
    bson_t *document, const char *name, int name_length, const uint8_t *data, size_t length, bool is_array) {
    bson_t value;
    if (!bson_init_static(&value, data, length)) return false;
    return is_array ? bson_append_array(document, name, name_length, &value)
                    : bson_append_document(document, name, name_length, &value);
}

/* How many servers libmongoc has in mind for a pool. One that turns out to be something else than the URI says it forgets
 * for good, and says so to nobody who asks; so its events are counted. */
static inline void inventory_server_opened(const mongoc_apm_server_opening_t *event) {
    __atomic_add_fetch((int64_t *) mongoc_apm_server_opening_get_context(event), 1, __ATOMIC_RELAXED);
}

static inline void inventory_server_closed(const mongoc_apm_server_closed_t *event) {
    __atomic_sub_fetch((int64_t *) mongoc_apm_server_closed_get_context(event), 1, __ATOMIC_RELAXED);
}

/* Before the first connection is borrowed. `count` has to outlive the pool. */
static inline void inventory_count_servers(mongoc_client_pool_t *pool, int64_t *count) {
    mongoc_apm_callbacks_t *callbacks = mongoc_apm_callbacks_new();
    mongoc_apm_set_server_opening_cb(callbacks, inventory_server_opened);
    mongoc_apm_set_server_closed_cb(callbacks, inventory_server_closed);
    mongoc_client_pool_set_apm_callbacks(pool, callbacks, count);
    mongoc_apm_callbacks_destroy(callbacks);
}

static inline int64_t inventory_server_count(const int64_t *count) {
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}

#endif
