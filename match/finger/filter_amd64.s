#include "textflag.h"

// func filterCell(to, from *float32, stride int, offsets *int, weights *float32, n int)
TEXT ·filterCell(SB), NOSPLIT, $0-48
	MOVQ to+0(FP), DI
	MOVQ from+8(FP), SI
	MOVQ stride+16(FP), DX
	MOVQ offsets+24(FP), R8
	MOVQ weights+32(FP), R9
	MOVQ n+40(FP), CX
	LEAQ (DX)(DX*2), R10
	XORPS X0, X0
	XORPS X1, X1
	XORPS X2, X2
	XORPS X3, X3

next:
	MOVQ   (R8), AX
	ADDQ   SI, AX
	MOVSS  (R9), X4
	SHUFPS $0, X4, X4
	MOVUPS (AX), X5
	MOVUPS (AX)(DX*1), X6
	MOVUPS (AX)(DX*2), X7
	MOVUPS (AX)(R10*1), X8
	MULPS  X4, X5
	MULPS  X4, X6
	MULPS  X4, X7
	MULPS  X4, X8
	ADDPS  X5, X0
	ADDPS  X6, X1
	ADDPS  X7, X2
	ADDPS  X8, X3
	ADDQ   $8, R8
	ADDQ   $4, R9
	DECQ   CX
	JNZ    next

	MOVUPS X0, (DI)
	MOVUPS X1, (DI)(DX*1)
	MOVUPS X2, (DI)(DX*2)
	MOVUPS X3, (DI)(R10*1)
	RET
