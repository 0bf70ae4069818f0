package near

//go:generate go run -C ../../../internal/simdgen . -kernels near -out ../../match/finger/near/kernel_amd64.s -stubs ../../match/finger/near/stubs_amd64.go -pkg near
