-- The public interface of an InnoDB Cluster's metadata, version 2.0, as far as MySQL Router asks for it.
-- MySQL Shell would make more of it, for tools of its own; the group itself does not know that it is there.
CREATE DATABASE mysql_innodb_cluster_metadata;
USE mysql_innodb_cluster_metadata;

CREATE VIEW schema_version (major, minor, patch) AS SELECT 2, 0, 0;

CREATE TABLE v2_gr_clusters (
  cluster_id CHAR(36) PRIMARY KEY,
  cluster_name VARCHAR(63),
  cluster_type CHAR(2),
  group_name CHAR(36),
  router_options JSON
);
INSERT INTO v2_gr_clusters VALUES ('peer', 'peer', 'gr', @@group_replication_group_name, '{}');
CREATE SQL SECURITY INVOKER VIEW v2_clusters AS SELECT * FROM v2_gr_clusters;

CREATE TABLE v2_instances (
  instance_id INT UNSIGNED PRIMARY KEY,
  cluster_id CHAR(36),
  mysql_server_uuid CHAR(36),
  label VARCHAR(265),
  address VARCHAR(265),
  endpoint VARCHAR(265),
  xendpoint VARCHAR(265),
  attributes JSON
);
INSERT INTO v2_instances
  SELECT ROW_NUMBER() OVER (ORDER BY member_host), 'peer', member_id,
    member_host, CONCAT(member_host, ':3306'), CONCAT(member_host, ':3306'), CONCAT(member_host, ':33060'), '{}'
  FROM performance_schema.replication_group_members;
CREATE SQL SECURITY INVOKER VIEW v2_this_instance AS
  SELECT cluster_id, instance_id, cluster_name, cluster_type
  FROM v2_instances JOIN v2_gr_clusters USING (cluster_id)
  WHERE mysql_server_uuid = (
    SELECT variable_value COLLATE utf8mb4_0900_ai_ci FROM performance_schema.global_variables WHERE variable_name = 'server_uuid'
  );

CREATE TABLE routers (
  router_id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  cluster_id CHAR(36),
  router_name VARCHAR(265),
  product_name VARCHAR(128),
  address VARCHAR(256),
  version VARCHAR(12),
  last_check_in TIMESTAMP NULL,
  attributes JSON,
  options JSON,
  clusterset_id CHAR(36),
  UNIQUE KEY (address, router_name)
);
CREATE SQL SECURITY INVOKER VIEW v2_routers AS SELECT * FROM routers;

-- Accounts of Router's REST interface: none.
CREATE TABLE v2_router_rest_accounts (
  cluster_id CHAR(36),
  user VARCHAR(256),
  authentication_method VARCHAR(64),
  authentication_string TEXT,
  privileges JSON,
  PRIMARY KEY (cluster_id, user)
);
