#pragma once
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

// A thin C face of dlib's HOG frontal face detector on gray pixels. Nothing
// throws across this border; a message stays owned by the caller (free).
typedef struct {
  long left, top, right, bottom;
  double score;
} enrold_face;

void *enrold_detector_new(char **message);
void enrold_detector_free(void *detector);

// Writes at most max faces, best score first, and returns how many were found,
// or -1 with a message. pixels holds width*height bytes.
int enrold_detect(void *detector, const uint8_t *pixels, long width, long height, double adjust,
                  enrold_face *out, int max, char **message);

// Makes OpenBLAS, where it is the BLAS in use, work in the caller's thread.
void enrold_one_blas_thread(void);

#ifdef __cplusplus
}
#endif
