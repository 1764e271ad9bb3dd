/* Runs one signature of a SavedModel through TensorFlow's C library, the way
 * a server without Python does.
 *
 *   serving_c SAVED_MODEL INPUT IMAGE... [-- LABELS NUMBER...] -- OUTPUT...
 *
 * INPUT, LABELS and OUTPUT are names of operations, an output with ":index"
 * behind. Each IMAGE is a file: a string of the batch. The NUMBERs are a row
 * of labels, the same for every picture. Every string of every output
 * goes to standard output as eight hexadecimal digits, its length, and its
 * bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

static TF_Status *status;

static void check(const char *what) {
  if (TF_GetCode(status) == TF_OK) return;
  fprintf(stderr, "%s: %s\n", what, TF_Message(status));
  exit(1);
}

static TF_Output find(TF_Graph *graph, char *name) {
  char *colon = strchr(name, ':');
  TF_Output output = {NULL, colon ? atoi(colon + 1) : 0};
  if (colon) *colon = '\0';
  output.oper = TF_GraphOperationByName(graph, name);
  if (!output.oper) {
    fprintf(stderr, "no operation %s\n", name);
    exit(1);
  }
  return output;
}

static void read_file(const char *path, TF_TString *string) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  long length = ftell(file);
  rewind(file);
  char *bytes = malloc(length + 1);
  if (fread(bytes, 1, length, file) != (size_t)length) exit(1);
  fclose(file);
  TF_StringInit(string);
  TF_StringCopy(string, bytes, length);
  free(bytes);
}

static int next_dashes(int start, int argc, char **argv) {
  while (start < argc && strcmp(argv[start], "--")) start++;
  return start;
}

int main(int argc, char **argv) {
  int first = next_dashes(3, argc, argv);
  int dashes = next_dashes(first + 1, argc, argv);
  int has_labels = dashes < argc;
  if (!has_labels) dashes = first;
  int64_t batch = first - 3;
  int count = argc - dashes - 1;
  status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  const char *tags[] = {"serve"};
  TF_SessionOptions *options = TF_NewSessionOptions();
  TF_Session *session = TF_LoadSessionFromSavedModel(
      options, NULL, argv[1], tags, 1, graph, NULL, status);
  check("load");

  TF_Tensor *input = TF_AllocateTensor(TF_STRING, &batch, 1,
                                       batch * sizeof(TF_TString));
  TF_TString *strings = TF_TensorData(input);
  for (int i = 0; i < batch; i++) read_file(argv[3 + i], &strings[i]);

  TF_Output from[] = {find(graph, argv[2]), {NULL, 0}};
  TF_Tensor *inputs[] = {input, NULL};
  if (has_labels) {
    int64_t shape[] = {batch, dashes - first - 2};
    int64_t all = batch * shape[1];
    inputs[1] = TF_AllocateTensor(TF_FLOAT, shape, 2, all * sizeof(float));
    float *numbers = TF_TensorData(inputs[1]);
    for (int64_t i = 0; i < all; i++)
      numbers[i] = atof(argv[first + 2 + i % shape[1]]);
    from[1] = find(graph, argv[first + 1]);
  }
  TF_Output *to = calloc(count, sizeof *to);
  TF_Tensor **outputs = calloc(count, sizeof *outputs);
  for (int i = 0; i < count; i++) to[i] = find(graph, argv[dashes + 1 + i]);
  TF_SessionRun(session, NULL, from, inputs, 1 + has_labels, to, outputs,
                count, NULL, 0, NULL, status);
  check("run");

  for (int i = 0; i < count; i++) {
    TF_TString *results = TF_TensorData(outputs[i]);
    for (int64_t j = 0; j < TF_TensorElementCount(outputs[i]); j++) {
      size_t length = TF_StringGetSize(&results[j]);
      printf("%08zx", length);
      fwrite(TF_StringGetDataPointer(&results[j]), 1, length, stdout);
    }
  }
  return 0;
}
