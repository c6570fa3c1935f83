// Moves texels of a scratch array to slots of another.
#include "webgl/texels.glsl"

uniform usampler2DArray from;
// Texels of a slot.
uniform int width;

flat in highp ivec3 source;
layout(location = 0) out highp uvec4 texel;

void main() { texel = FETCH(from, source.x * width + source.y); }
