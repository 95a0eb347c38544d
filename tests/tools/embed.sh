#!/bin/sh
# Writes an assembler file that holds each named file and a table of them (engine/base/embedded.h).
echo '	.section .rodata'
i=0
for file; do
	printf 'file_%d:\n\t.incbin "%s"\nend_%d:\n\t.byte 0\nname_%d:\n\t.asciz "%s"\n' $i "$file" $i $i "$file"
	i=$((i + 1))
done
printf '\t.section .data.rel.ro,"aw"\n\t.align 8\n\t.globl embedded_files\nembedded_files:\n'
n=0
while [ $n -lt $i ]; do
	printf '\t.quad name_%d, file_%d, end_%d\n' $n $n $n
	n=$((n + 1))
done
printf '\t.quad 0, 0, 0\n\t.section .note.GNU-stack,"",@progbits\n'
