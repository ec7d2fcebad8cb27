/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Counts what the module itself asks of the heap and of locks: a library to
 * be preloaded. A call counts when it returns into the module; what nginx or
 * OpenSSL do on their own account does not. The counts stand in the file that
 * PSM_COUNT_FILE names, one 64-bit number for each enum below, shared by all
 * processes.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { allocations, frees, locks, kinds };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *p);

static uint64_t here[kinds];
static uint64_t *counts = here;
static uintptr_t begin, end; /* the module's code */

static int find_module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void) size;
    (void) data;

    if (strstr(info->dlpi_name, "/ngx_psm_token_module.so") == NULL) {
        return 0;
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0) {
            begin = info->dlpi_addr + segment->p_vaddr;
            end = begin + segment->p_memsz;
        }
    }
    return 1;
}

__attribute__((constructor)) static void share_counts(void)
{
    const char *path = getenv("PSM_COUNT_FILE");
    int fd = path != NULL ? open(path, O_RDWR) : -1;

    if (fd >= 0) {
        void *p = mmap(NULL, sizeof(here), PROT_READ | PROT_WRITE, MAP_SHARED,
                       fd, 0);
        if (p != MAP_FAILED) {
            counts = p;
        }
        close(fd);
    }
}

/* nginx loads the module later than us: it is found when dlopen returns. */
void *dlopen(const char *path, int mode)
{
    static void *(*real)(const char *, int);

    if (real == NULL) {
        *(void **) &real = dlsym(RTLD_NEXT, "dlopen");
    }
    void *handle = real(path, mode);
    dl_iterate_phdr(find_module, NULL);
    return handle;
}

static inline void count(int kind, const void *caller)
{
    uintptr_t at = (uintptr_t) caller;

    if (at >= begin && at < end) {
        __atomic_add_fetch(&counts[kind], 1, __ATOMIC_RELAXED);
    }
}

#define COUNT(kind) count(kind, __builtin_return_address(0))

void *malloc(size_t size)
{
    COUNT(allocations);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    COUNT(allocations);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    COUNT(allocations);
    return __libc_realloc(old, size);
}

void free(void *p)
{
    COUNT(frees);
    __libc_free(p);
}

/* operator new(size_t), new[], delete(void*), and with a size */
void *_Znwm(size_t size)
{
    COUNT(allocations);
    void *p = __libc_malloc(size != 0 ? size : 1);
    if (p == NULL) {
        abort();
    }
    return p;
}

void *_Znam(size_t size)
{
    COUNT(allocations);
    void *p = __libc_malloc(size != 0 ? size : 1);
    if (p == NULL) {
        abort();
    }
    return p;
}

void _ZdlPv(void *p)
{
    COUNT(frees);
    __libc_free(p);
}

void _ZdlPvm(void *p, size_t size)
{
    (void) size;
    COUNT(frees);
    __libc_free(p);
}

#define LOCK(name, type)                              \
    int name(type *lock)                              \
    {                                                 \
        static int (*real)(type *);                   \
        COUNT(locks);                                 \
        if (real == NULL) {                           \
            *(void **) &real = dlsym(RTLD_NEXT, #name); \
        }                                             \
        return real(lock);                            \
    }

LOCK(pthread_mutex_lock, pthread_mutex_t)
LOCK(pthread_mutex_trylock, pthread_mutex_t)
LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
