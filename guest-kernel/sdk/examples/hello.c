/* The smallest native program: its arguments, then its input in capital letters. */
#include "sdk/native.h"

int main(int argc, char **argv)
{
	char text[256];
	size_t bytes;

	for (int i = 0; i < argc; i++)
		ceno_print("argument %d: %s\n", i, argv[i]);
	while ((bytes = ceno_read(text, sizeof text)) > 0) {
		for (size_t i = 0; i < bytes; i++)
			if (text[i] >= 'a' && text[i] <= 'z')
				text[i] -= 'a' - 'A';
		if (ceno_write(CENO_STREAM_OUT, text, bytes) < bytes)
			break; /* nobody reads any more */
	}
	return argc - 1;
}
