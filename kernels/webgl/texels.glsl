// Own textures are arrays of 2048 x 2048 layers of 128-bit texels, addressed by one index.
ivec3 texel_place(int i) { return ivec3(i & 2047, (i >> 11) & 2047, i >> 22); }

// Sheets are plain textures. First texel of column i: columns of `height` texels, 4096 beside each other, then below.
ivec2 column_place(int i, int height) { return ivec2(i & 4095, (i >> 12) * height); }

// The column of a texel, and the texel's place in it.
ivec2 column_of(ivec2 texel, int height) {
  int deck = texel.y / height;
  return ivec2(deck << 12 | texel.x, texel.y - deck * height);
}

#define FETCH(array, i) texelFetch(array, texel_place(i), 0)

// Element i of an unpacked tfjs tensor; view = (texture width, offset of a slice).
float tensor_value(highp sampler2D tensor, ivec2 view, int i) {
  i += view.y;
  return texelFetch(tensor, ivec2(i % view.x, i / view.x), 0).r;
}

// Elements i to i + 3; those from `count` on are 0.
vec4 tensor_quad(highp sampler2D tensor, ivec2 view, int i, int count) {
  i += view.y;
  int y = i / view.x, x = i - y * view.x;
  vec4 quad = vec4(0.0);
  for (int lane = 0; lane < min(count, 4); lane++) {
    quad[lane] = texelFetch(tensor, ivec2(x, y), 0).r;
    if (++x == view.x) {
      x = 0;
      y++;
    }
  }
  return quad;
}
