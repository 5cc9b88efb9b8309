package clients

import (
	"context"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// TestControllerRuntime: a manager with one reconciler that makes, repairs and gives up a Service for each ConfigMap, and the direct client.
func TestControllerRuntime(t *testing.T) {
	fail := func(a ...any) { t.Helper(); t.Fatal(a...) }
	ctrl.SetLogger(zap.New())
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{Metrics: metricsserver.Options{BindAddress: "0"}, LeaderElection: true, LeaderElectionID: "crtour", LeaderElectionNamespace: "default", LeaderElectionReleaseOnCancel: true})
	if err != nil {
		fail("manager", err)
	}
	c := mgr.GetClient()
	if err := mgr.GetFieldIndexer().IndexField(ctx, &corev1.Service{}, "spec.type", func(o client.Object) []string { return []string{string(o.(*corev1.Service).Spec.Type)} }); err != nil {
		fail("index", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).For(&corev1.ConfigMap{}).Owns(&corev1.Service{}).Complete(reconcile.Func(func(ctx context.Context, r reconcile.Request) (reconcile.Result, error) {
		var cm corev1.ConfigMap
		if err := c.Get(ctx, r.NamespacedName, &cm); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(err)
		}
		if cm.Labels["tour"] == "" {
			return reconcile.Result{}, nil
		}
		if !cm.DeletionTimestamp.IsZero() {
			controllerutil.RemoveFinalizer(&cm, "tour.test/f")
			return reconcile.Result{}, c.Update(ctx, &cm)
		}
		if controllerutil.AddFinalizer(&cm, "tour.test/f") {
			return reconcile.Result{}, c.Update(ctx, &cm)
		}
		svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: cm.Name, Namespace: cm.Namespace}}
		_, err := controllerutil.CreateOrUpdate(ctx, c, svc, func() error {
			svc.Spec.Selector = map[string]string{"app": cm.Data["app"]}
			svc.Spec.Ports = []corev1.ServicePort{{Port: 80}}
			if len(svc.Spec.Ports) > 0 {
				svc.Spec.Ports[0].Protocol = "TCP"
			}
			return controllerutil.SetControllerReference(&cm, svc, mgr.GetScheme())
		})
		if err != nil {
			return reconcile.Result{}, err
		}
		p := client.MergeFrom(cm.DeepCopy())
		if cm.Annotations["done"] != cm.Data["app"] {
			cm.Annotations = map[string]string{"done": cm.Data["app"]}
			return reconcile.Result{}, c.Patch(ctx, &cm, p)
		}
		return reconcile.Result{}, nil
	}))
	if err != nil {
		fail("controller", err)
	}
	go func() {
		if err := mgr.Start(ctx); err != nil {
			t.Error("start", err)
		}
	}()
	direct, err := client.New(cfg, client.Options{})
	if err != nil {
		fail("client", err)
	}
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "crt", Namespace: "default", Labels: map[string]string{"tour": "1"}}, Data: map[string]string{"app": "a"}}
	if err := direct.Create(ctx, cm); err != nil {
		fail("create", err)
	}
	wait := func(what string, f func() bool) {
		for i := 0; i < 100; i++ {
			if f() {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		fail("timeout", what)
	}
	key := client.ObjectKeyFromObject(cm)
	wait("reconciled", func() bool { _ = direct.Get(ctx, key, cm); return cm.Annotations["done"] == "a" })
	var svc corev1.Service
	wait("service", func() bool { return direct.Get(ctx, key, &svc) == nil && svc.Spec.ClusterIP != "" })
	svc.Spec.Selector["app"] = "zzz"
	if err := direct.Update(ctx, &svc); err != nil {
		fail("update svc", err)
	}
	wait("repaired", func() bool { return direct.Get(ctx, key, &svc) == nil && svc.Spec.Selector["app"] == "a" })
	var l corev1.ServiceList
	wait("index", func() bool {
		return c.List(ctx, &l, client.MatchingFields{"spec.type": "ClusterIP"}) == nil && len(l.Items) > 0
	})
	var ul unstructured.UnstructuredList
	ul.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRouteList"})
	if err := direct.List(ctx, &ul); err != nil {
		fail("unstructured", err)
	}
	pm := metav1.PartialObjectMetadataList{}
	pm.SetGroupVersionKind(discoveryv1.SchemeGroupVersion.WithKind("EndpointSliceList"))
	if err := direct.List(ctx, &pm); err != nil {
		fail("metadata", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "ssa", "namespace": "default"}, "data": map[string]any{"x": "y"}}}
	if err := direct.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("crt"), client.ForceOwnership); err != nil {
		fail("apply", err)
	}
	if err := direct.Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "crt", Namespace: "default"}, Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "c", Image: "i"}}}}); err != nil {
		fail("pod", err)
	}
	pod := &corev1.Pod{}
	if err := direct.Get(ctx, key, pod); err != nil {
		fail("get pod", err)
	}
	pod.Status.Phase = "Running"
	if err := direct.Status().Update(ctx, pod); err != nil {
		fail("status", err)
	}
	if err := direct.Status().Patch(ctx, pod, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"podIP":"10.1.1.1"}}`))); err != nil {
		fail("status patch", err)
	}
	if err := direct.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{}); err != nil {
		fail("evict", err)
	}
	if err := direct.Delete(ctx, pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
		fail("delete pod", err)
	}
	if err := direct.Delete(ctx, cm, client.Preconditions{UID: &cm.UID}); err != nil {
		fail("delete", err)
	}
	wait("finalized", func() bool { return apierrors.IsNotFound(direct.Get(ctx, key, cm)) })
	wait("garbage", func() bool { return apierrors.IsNotFound(direct.Get(ctx, key, &svc)) })
	if err := direct.DeleteAllOf(ctx, &corev1.ConfigMap{}, client.InNamespace("default"), client.MatchingLabels{"nope": "x"}); err != nil {
		fail("deleteallof", err)
	}
}
