package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/enrold/enrold/queue/request"
)

// S3 keeps payloads as objects in a bucket of an S3-compatible store. A PUT
// there is atomic, and durable when it is answered.
type S3 struct {
	client         *minio.Client
	bucket, prefix string
}

// OpenS3 opens "s3://HOST[:PORT]/BUCKET[/PREFIX]", over TLS unless the URL ends
// in "?tls=off"; the bucket is made when it is missing. Keys come from
// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, never from the URL.
func OpenS3(ctx context.Context, location string) (*S3, error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil {
		return nil, errors.New("open S3 store: want s3://HOST/BUCKET[/PREFIX]")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return nil, errors.New("open S3 store: want s3://HOST/BUCKET[/PREFIX]")
	}
	if prefix != "" {
		prefix += "/"
	}
	region := u.Query().Get("region")
	if region == "" {
		region = "us-east-1" // what S3-compatible stores take as their only one
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
		Secure: u.Query().Get("tls") != "off", Region: region,
	})
	if err != nil {
		return nil, fmt.Errorf("open S3 store: %w", err)
	}
	there, err := client.BucketExists(ctx, bucket)
	if err == nil && !there {
		err = client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: region})
		// Another process may have made it in between.
		if code := minio.ToErrorResponse(err).Code; code == "BucketAlreadyOwnedByYou" || code == "BucketAlreadyExists" {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open S3 store: %w", err)
	}
	return &S3{client, bucket, prefix}, nil
}

// Put stores the bytes; the store checks them against a SHA-256.
func (s *S3) Put(ctx context.Context, name string, sealed []byte) error {
	sum := sha256.Sum256(sealed)
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, bytes.NewReader(sealed), int64(len(sealed)), minio.PutObjectOptions{
		ContentType: "application/octet-stream", DisableMultipart: true,
		// minio-go's own checksum goes into a trailer, which not every store reads.
		UserMetadata: map[string]string{"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(sum[:])},
	})
	if err != nil {
		return fmt.Errorf("put payload: %w", err)
	}
	return nil
}

// Get returns the bytes of a name.
func (s *S3) Get(ctx context.Context, name string) ([]byte, error) {
	o, err := s.client.GetObject(ctx, s.bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("get payload: %w", err)
	}
	defer o.Close()
	data, err := io.ReadAll(io.LimitReader(o, request.MaxSealed+1))
	if err != nil {
		return nil, fmt.Errorf("get payload: %w", err)
	}
	if len(data) > request.MaxSealed {
		return nil, fmt.Errorf("get payload %s: more than %d bytes", name, request.MaxSealed)
	}
	return data, nil
}

// Remove removes a name; a missing one is no error.
func (s *S3) Remove(ctx context.Context, name string) error {
	if err := s.client.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("remove payload: %w", err)
	}
	return nil
}

// Sweep does what Folder.Sweep does, by the store's own clock.
func (s *S3) Sweep(ctx context.Context, before time.Time, keep func(name string) (bool, error)) (removed int, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // ends the listing
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
		if o.Err != nil {
			return removed, fmt.Errorf("sweep payloads: %w", o.Err)
		}
		name := strings.TrimPrefix(o.Key, s.prefix)
		if o.LastModified.After(before) {
			continue
		}
		kept, err := keep(name)
		if err != nil {
			return removed, fmt.Errorf("sweep payloads: %w", err)
		}
		if kept {
			continue
		}
		if err := s.Remove(ctx, name); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
