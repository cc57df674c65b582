"""cloud-init's own EC2 datasource in a machine of the local cloud. Two things are different, and only these:
a container has no DMI data to tell that it is on EC2, and the metadata service offers vendor data as well."""

from cloudinit import sources, url_helper
from cloudinit.sources import DataSourceEc2 as ec2

ec2.identify_platform = lambda: ec2.CloudNames.AWS


class DataSourceLocalEc2(ec2.DataSourceEc2):
    def crawl_metadata(self):
        crawled = super().crawl_metadata()
        if crawled:
            url = f"{self.metadata_address}/latest/vendor-data"
            try:
                self.vendordata_raw = url_helper.readurl(
                    url, headers_cb=self._get_headers, headers_redact=self.imdsv2_token_redact, retries=5, timeout=5
                ).contents
            except url_helper.UrlError as error:
                if error.code != 404:
                    raise
        return crawled


def get_datasource_list(depends):
    return sources.list_from_depends(depends, [(DataSourceLocalEc2, (sources.DEP_FILESYSTEM, sources.DEP_NETWORK))])
