/* Serval plugin ABI v1: what a plugin offers the host.
 *
 * A plugin is a shared object with one exported symbol, `serval_entry_v1`, and one ELF note
 * (SERVAL_PLUGIN_NOTE) that the host reads before any code of the file runs.
 */
#ifndef SERVAL_PLUGIN_H
#define SERVAL_PLUGIN_H

#include <serval/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One model of the configuration. Valid until model_close has returned. */
typedef struct serval_model_config {
  uint32_t size;
  uint32_t reserved;
  serval_str name;        /* the name clients use */
  serval_str path;        /* file or folder with the weights, or "" */
  serval_str config_json; /* the [model.config] table as a JSON object, checked by schema/1 */
  serval_str cache_dir;   /* an existing folder the plugin may keep derived files in, or "" */
} serval_model_config;

/* An upper bound of what a model needs, in bytes of SERVAL_MEM_HOST or a device. */
typedef struct serval_resource {
  uint32_t size;
  uint32_t mem;
  int32_t device;
  uint32_t reserved;
  uint64_t load_peak; /* most that is in use at any time of model_open */
  uint64_t steady;    /* in use when started, its own caches full */
} serval_resource;

#define SERVAL_HEALTH_OK 0u
#define SERVAL_HEALTH_DEGRADED 1u /* serves, but someone should look: reason says why */
#define SERVAL_HEALTH_FAILED 2u   /* serves nothing any more */

typedef struct serval_health {
  uint32_t size;
  uint32_t state;
  char reason[128]; /* NUL-terminated */
} serval_health;

#define SERVAL_SIGNAL_CANCEL 1u          /* request_id's cancel word has changed */
#define SERVAL_SIGNAL_WRITABLE 2u        /* request_id, refused by emit before, may emit again */
#define SERVAL_SIGNAL_MEMORY_PRESSURE 3u /* give back what can be given back; request_id is 0 */
/* 4: SERVAL_SIGNAL_READABLE, ext/draft/input_stream.h */

/* The plugin's table. Functions that return serval_status fill the error when they do not return
 * SERVAL_OK. `model` is what model_open returned. */
typedef struct serval_plugin {
  uint32_t size;
  uint32_t reserved;
  void* self;

  /* [ctl] Frees the plugin. All models are closed before. No host call afterwards. */
  void (*destroy)(void* self);

  /* [any] The plugin extension of that exact id (see ext/), or NULL. Valid until destroy. */
  const void* (*get_ext)(void* self, const char* id);

  /* [ctl] An upper bound of the memory model_open and the running model will use, without loading:
   * under 1 s. Also the place to refuse a model that cannot work. out has room for `capacity`
   * entries; *n is set to how many were written. */
  serval_status (*model_probe)(void* self, const serval_model_config*, serval_resource* out,
                               uint32_t capacity, uint32_t* n, serval_error*);

  /* [ctl] Loads a model. May take minutes; reports and is cancelled through serval.progress/1. */
  serval_status (*model_open)(void* self, const serval_model_config*, serval_model_ref*,
                              void** model, serval_error*);

  /* [ctl] From here on the plugin's own threads may pull. */
  serval_status (*model_start)(void* model, serval_error*);

  /* [ctl] Stop pulling; finish what runs by deadline_ns (0: no limit), the rest is finished with
   * SERVAL_UNAVAILABLE. Returns when nothing runs any more. */
  serval_status (*model_quiesce)(void* model, uint64_t deadline_ns);

  /* [ctl] Joins the model's threads and frees all of it. Called after quiesce, or right after an
   * open whose model never started. No host call for this model afterwards. */
  void (*model_close)(void* model);

  /* [io] Something changed; see SERVAL_SIGNAL_*. The request may be finished already: ids that are
   * not known any more are ignored. */
  void (*model_signal)(void* model, uint32_t kind, uint64_t request_id);

  /* [any] Cached state only, under 1 ms. */
  serval_status (*model_health)(void* model, serval_health* out);
} serval_plugin;

/* Who the plugin is. Static memory of the plugin. */
typedef struct serval_descriptor {
  uint32_t size;
  uint32_t n_ops;
  const char* id; /* reverse domain name, as "org.serval.llm"; at most 63 bytes */
  const char* version;
  const char* vendor;
  const char* license;     /* SPDX */
  const char* const* ops;  /* [n_ops] what its models can do, as "chat"; see docs/requests.md */
  const char* description; /* one line */
} serval_descriptor;

/* The exported symbol's type. The host checks magic, version and size before anything else. */
typedef struct serval_entry {
  uint32_t magic;
  uint16_t abi_major;
  uint16_t abi_minor; /* the header the plugin was built with */
  uint32_t size;
  uint16_t min_host_minor; /* the oldest host it runs on */
  uint16_t reserved;
  const serval_descriptor* descriptor;
  /* [ctl] Makes the plugin, or fills the error and returns NULL. */
  const serval_plugin* (*create)(const serval_host*, serval_error*);
} serval_entry;

#if defined(_WIN32)
#error "Serval plugins are ELF shared objects"
#endif
#define SERVAL_EXPORT __attribute__((visibility("default")))

extern SERVAL_EXPORT const serval_entry serval_entry_v1;

/* The descriptor of the ELF note: owner "Serval", type 1, section .note.serval. Little-endian, as laid
 * out here. Strings are NUL-terminated and padded with zeros. */
typedef struct serval_note {
  uint32_t magic;
  uint16_t abi_major;
  uint16_t abi_minor;
  uint16_t min_host_minor;
  uint16_t reserved[3];
  char id[64];
  char version[32];
  char cpu[144]; /* CPU features without which no code of the file may run, as "avx2,fma", or "" */
} serval_note;
#define SERVAL_NOTE_TYPE 1u

#define SERVAL_STRINGIZE_(x) #x
#define SERVAL_STRINGIZE(x) SERVAL_STRINGIZE_(x)

/* Emits the note; once a plugin, at file scope, with string literals. A text that is too long is an
 * assembler error. */
#define SERVAL_PLUGIN_NOTE(id, version, min_host_minor, cpu)       \
  __asm__(                                                         \
      ".pushsection .note.serval,\"a\",@note\n"                    \
      ".balign 4\n"                                                \
      ".long 7, 881f-880f, 1\n"                                    \
      ".asciz \"Serval\"\n"                                        \
      ".balign 4\n"                                                \
      "880: .long " SERVAL_STRINGIZE(0x4c565253) "\n"              \
      ".short " SERVAL_STRINGIZE(SERVAL_ABI_MAJOR) ", "            \
      SERVAL_STRINGIZE(SERVAL_ABI_MINOR) ", "                      \
      SERVAL_STRINGIZE(min_host_minor) ", 0, 0, 0\n"               \
      "882: .asciz \"" id "\"\n.zero 64-(.-882b)\n"                \
      "883: .asciz \"" version "\"\n.zero 32-(.-883b)\n"           \
      "884: .asciz \"" cpu "\"\n.zero 144-(.-884b)\n"              \
      "881:\n"                                                     \
      ".balign 4\n"                                                \
      ".popsection\n")

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_PLUGIN_H */
