/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files of its corpus, so that every build without libFuzzer tests what
 * fuzzing has found.   corpus_NAME FOLDER... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST_FILE = 1 << 20 };

static int run_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    char *room = malloc(LARGEST_FILE);
    if (f == NULL || room == NULL) {
        perror(path);
        exit(1);
    }
    size_t n = fread(room, 1, LARGEST_FILE, f);
    fclose(f);
    printf("%s: %zu bytes\n", path, n);
    fflush(stdout);
    uint8_t *exact = malloc(n == 0 ? 1 : n); /* so that a sanitizer sees a step past the end */
    if (exact == NULL)
        exit(1);
    memcpy(exact, room, n);
    free(room);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 1;
}

static int run_folder(const char *folder)
{
    int files = 0;
    DIR *d = opendir(folder);
    if (d == NULL) {
        perror(folder);
        exit(1);
    }
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (entry->d_name[0] != '.')
            files += run_file(folder, entry->d_name);
    closedir(d);
    return files;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++)
        files += run_folder(argv[i]);
    if (files == 0)
        fprintf(stderr, "no corpus\n");
    return files == 0;
}
